"""`headrace` as a shell runs it: exit codes, one line where something is missing, pipes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from local_cloud import foreground
from local_cloud.ministack.process import ServerError
from workbench.cli import app

HEADRACE = Path(sys.prefix) / "bin" / "headrace"
NOWHERE = {
    "PATH": os.environ["PATH"],
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    "AWS_EC2_METADATA_DISABLED": "true",
    "PYTHONWARNINGS": "error",
}
REGION = {"AWS_DEFAULT_REGION": "us-east-1"}
KEYS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_MAX_ATTEMPTS": "1"}
COMMANDS = (
    *("up", "down", "env", "demo", "audit", "lanes", "redrive", "doctor"),
    *("check", "upsert", "refresh", "promote", "delete", "destroy", "start", "definition", "init"),
)


def words(command: str) -> list[str]:
    return [command] if COMMANDS.index(command) < 8 else ["pipelines", command]


def headrace(
    *arguments: str, folder: Path | None = None, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [HEADRACE, *arguments],
        cwd=folder,
        env=NOWHERE | (environment or {}),
        capture_output=True,
        text=True,
        check=False,
    )


def one_line(done: subprocess.CompletedProcess[str], code: int = 1) -> str:
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_missing_settings_are_reported_in_one_line(tmp_path: Path) -> None:
    nothing = "http://127.0.0.1:9"
    assert "no region; name one with --region" in one_line(headrace("lanes"))
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        done = headrace("audit", "abalone", environment={variable: "us-east-1"})
        assert "run `aws configure`" in one_line(done)
    assert "run `aws configure`" in one_line(headrace("redrive", "--region", "eu-west-1"))
    assert "(nobody) could not be found" in one_line(headrace("lanes", "--profile", "nobody"))
    unreached = headrace("lanes", environment={**REGION, **KEYS, "AWS_ENDPOINT_URL": nothing})
    assert "is AWS_ENDPOINT_URL right" in one_line(unreached)
    assert "there are abalone, employment" in one_line(headrace("pipelines", "upsert", "whelk"))
    assert "start one with `headrace up`" in one_line(headrace("env", folder=tmp_path))


def test_a_check_without_an_account_names_the_image_that_a_region_lacks() -> None:
    typed = ("pipelines", "check", "abalone", "--offline")
    assert headrace(*typed).stdout == "abalone: nothing is wrong with project.yaml\n"
    here = headrace(*typed, environment=REGION)
    assert (
        here.stdout == "abalone: nothing is wrong with project.yaml and the images of us-east-1\n"
    )
    said = one_line(headrace(*typed, "--region", "ap-southeast-7"))
    assert "xgboost 3.0-5 is not in ap-southeast-7" in said
    assert "there are abalone, employment" in one_line(
        headrace("pipelines", "check", "whelk", "--offline")
    )


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("lanes --frob", "Unknown option: --frob. See `headrace lanes --help`."),
        ("nothing", 'Unknown command "nothing".'),
        ("pipelines start abalone whelk", 'Choose from: "training"'),
        ("pipelines refresh abalone", "--model-package-arn"),
        ("audit", "PROJECT"),
        ("audit abalone --model-version x", 'unable to convert "x"'),
    ],
)
def test_a_wrong_command_line_is_another_exit_code(
    typed: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.main(typed.split()) == 2
    shown = capsys.readouterr()
    assert said in shown.err
    assert (shown.out, shown.err.count("\n")) == ("", 1)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_takes_the_common_options(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.main([*words(command), "--help"]) == 0
    shown = capsys.readouterr().out
    assert [f"--{name}" in shown for name in ("stack", "region", "profile", "json")] == [True] * 4
    assert app.main([*words(command), "--version"]) == 0
    assert capsys.readouterr().out == f"{version('headrace')}\n"


@pytest.mark.parametrize("option", ["--region", "--profile"])
@pytest.mark.parametrize("command", ["up", "down", "env", "demo"])
def test_the_laptop_refuses_options_that_only_an_account_has(
    command: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.main([command, option, "somewhere"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    assert f"leave out {option}" in shown.err


def test_a_laptop_cloud_that_fails_says_so_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object) -> None:
        raise ServerError("MiniStack died; its log ends with:\nTraceback\n  OSError: no port")

    monkeypatch.setattr(foreground, "up", dies)
    assert app.main(["up", "--home", str(tmp_path)]) == 1
    said = f"MiniStack died; its log ends with: OSError: no port; more is in {tmp_path / 'logs'}"
    assert capsys.readouterr() == ("", f"error: {said}\n")


def test_a_home_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "choose another --home" in one_line(
        headrace("up", "--home", "file/home", folder=tmp_path, environment={"HOME": str(tmp_path)})
    )


def test_the_version_waits_for_nothing() -> None:
    program = "import sys; from workbench.cli.app import main; main(['--version']);"
    shown = subprocess.run(
        [sys.executable, "-c", f"{program} print(sorted(sys.modules))"],
        env=NOWHERE,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert shown.startswith(f"{version('headrace')}\n")
    assert not [name for name in ("boto3", "cyclopts", "rich", "pydantic") if f"'{name}'" in shown]


def test_machines_get_an_object_a_line(tmp_path: Path) -> None:
    done = headrace("down", "--json", folder=tmp_path)
    assert json.loads(done.stdout) == {"line": "no cloud runs in .headrace"}
    (tmp_path / ".headrace").mkdir()
    info = {
        **dict.fromkeys(("endpoint_url", "access_key_id", "secret_access_key"), "it's"),
        "region": "us-east-1",
        "outputs": {},
        "mail_dir": "/mail",
    }
    (tmp_path / ".headrace" / "cloud.json").write_text(json.dumps(info))
    assert json.loads(headrace("env", "--json", folder=tmp_path).stdout)["MAIL_DIR"] == "/mail"
    spoken = headrace("env", folder=tmp_path).stdout
    assert "export AWS_ENDPOINT_URL='it'\"'\"'s'\n" in spoken


@pytest.mark.parametrize(("typed", "code"), [("--version", app.PIPE_CLOSED), ("--help", 1)])
def test_a_reader_that_goes_away_is_no_error(typed: str, code: int) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [HEADRACE, typed], env=NOWHERE, stdout=writing, stderr=subprocess.PIPE, text=True
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (code, "")


def test_an_interrupted_command_says_so_in_a_line(tmp_path: Path) -> None:
    program = (
        "import signal, sys, time; from workbench.cli import app, ledger\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # CI's shell may ignore it\n"
        "def wait(*_, **__): print('waits', flush=True); time.sleep(60)\n"
        "ledger.Common.deployed = wait; sys.exit(app.main(['lanes']))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        env=NOWHERE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout and process.stdout.readline() == "waits\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=20) == ("", "interrupted\n")
    assert process.returncode == app.INTERRUPTED


def test_a_shell_is_taught_the_commands(tmp_path: Path) -> None:
    done = headrace("--install-completion", "--shell", "bash", environment={"HOME": str(tmp_path)})
    assert done.returncode == 0, done.stderr
    written = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert "redrive" in written
