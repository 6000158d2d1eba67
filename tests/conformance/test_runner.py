"""`make conformance` against an account that refuses, is slow, or in which it is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest

from local_cloud.cloud import Cloud
from local_cloud.deploy.users import ensure_user
from local_cloud.gitlab.gitlab import GitLab
from tests.conformance import report
from tests.conformance.account import TAG
from tests.conformance.gitlab_project import GitLabProject
from tests.conformance.journal import Journal

ROOT = Path(__file__).parents[2]
CHEAP = ("event_with_malformed_detail", "rule_with_targets", "queue_policy_for_one_queue")
ALLOWED = [
    {"Effect": "Allow", "Action": ["sts:*", "events:*"], "Resource": "*"},
]

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(cloud: Cloud, tmp_path: Path) -> Start:
    """Starts the command as a user would, its files in a folder of the test's."""

    def run(
        *arguments: str, key: tuple[str, str] | None = None, **more: str
    ) -> subprocess.Popen[str]:
        key_id, secret = key or (cloud.info["access_key_id"], cloud.info["secret_access_key"])
        environment = (
            {
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("AWS_", "GITLAB_"))
            }
            | more
            | {
                "AWS_ACCESS_KEY_ID": key_id,
                "AWS_SECRET_ACCESS_KEY": secret,
                "AWS_ENDPOINT_URL": cloud.info["endpoint_url"],
                "AWS_DEFAULT_REGION": cloud.info["region"],
            }
        )
        files = [
            *("--journals", str(tmp_path / "journals"), "--seen", str(tmp_path / "seen.json")),
            *("--page", str(tmp_path / "verified.md")),
        ]
        return subprocess.Popen(
            [sys.executable, "-m", "tests.conformance", *files, *arguments],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return run


def ended(process: subprocess.Popen[str], given: str = "") -> tuple[int, str]:
    output, _ = process.communicate(given, timeout=120)
    return process.returncode, output


def left(session: boto3.Session) -> list[str]:
    """Return what runs of the command left in the account; the other tests' run is not asked."""
    names = [url.rsplit("/", 1)[-1] for url in session.client("sqs").list_queues()["QueueUrls"]]
    names += [rule["Name"] for rule in session.client("events").list_rules()["Rules"]]
    ours = [name for name in names if name.startswith("headrace-conformance-")]
    return [name for name in ours if not name.startswith("headrace-conformance-laptop-")]


def test_it_says_what_it_makes_and_costs_and_makes_nothing_without_a_yes(
    start: Start, tmp_path: Path
) -> None:
    code, said = ended(start("--only", *CHEAP), "n\n")
    assert code == 1
    assert "rule_with_targets: a disabled rule, a queue" in said
    assert "3 facts, at most 1 minutes and 0.05 US dollars." in said
    assert f"tagged {TAG} and deleted at the end" in said
    assert list(tmp_path.iterdir()) == []


def test_answers_are_kept_with_region_and_day_and_nothing_is_left(
    start: Start, session: boto3.Session, tmp_path: Path
) -> None:
    code, said = ended(start("--yes", "--only", *CHEAP))
    assert (code, said.count("  ok ")) == (0, 3), said
    seen = report.load(tmp_path / "seen.json")
    assert set(seen) == set(CHEAP)
    assert seen["rule_with_targets"].answer == "refused: ValidationException"
    assert "`refused: ValidationException`, us-east-1, 20" in (tmp_path / "verified.md").read_text()
    assert session.client("sts").get_caller_identity()["Account"] not in json.dumps(seen)
    assert left(session) == []


def test_a_fact_that_may_not_be_asked_is_said_and_the_others_are_asked(
    start: Start, session: boto3.Session
) -> None:
    document = {"Version": "2012-10-17", "Statement": ALLOWED}
    key = ensure_user(session, "asks-little", document)
    code, said = ended(start("--yes", "--only", *CHEAP, key=key))
    assert code == 1
    assert "?  queue_policy_for_one_queue: not asked: ClientError: An error occurred (" in said
    assert "ok event_with_malformed_detail" in said
    assert left(session) == []


ABOUT_GITLAB = ("pipelines_by_name", "trigger_where_no_one_may_set_variables")


def project_of(hosted: GitLab) -> dict[str, str]:
    return {
        "GITLAB_TOKEN": hosted.api_token,
        "GITLAB_PROJECT": hosted.project_path,
        "GITLAB_TRIGGER_TOKEN": hosted.trigger_token,
    }


def test_facts_about_gitlab_are_not_asked_without_one(start: Start, tmp_path: Path) -> None:
    code, said = ended(start("--yes", "--only", *ABOUT_GITLAB, CHEAP[0]))
    assert code == 0, said
    assert "-  pipelines_by_name: not asked: no GITLAB" in said
    assert set(report.load(tmp_path / "seen.json")) == {CHEAP[0]}


def test_a_gitlab_without_its_project_is_said(start: Start, hosted: GitLab) -> None:
    code, said = ended(start("--gitlab", hosted.url, GITLAB_TOKEN="x"))
    assert (code, said.splitlines()[-1]) == (
        2,
        "--gitlab needs the environment variable GITLAB_PROJECT",
    )
    code, said = ended(start("--gitlab", hosted.url, **project_of(hosted) | {"GITLAB_TOKEN": "x"}))
    assert (code, "no GitLab project that answers: 401" in said) == (2, True), said


def test_a_gitlab_is_left_as_it_was(start: Start, hosted: GitLab, tmp_path: Path) -> None:
    project = GitLabProject.given(hosted.url, project_of(hosted))
    project.project.ci_pipeline_variables_minimum_override_role = "maintainer"
    project.project.save()
    before = [one.id for one in project.project.pipelines.list(get_all=True)]

    code, said = ended(
        start("--yes", "--only", *ABOUT_GITLAB, "--gitlab", hosted.url, **project_of(hosted))
    )

    assert (code, said.count("  ok ")) == (0, 2), said
    assert report.load(tmp_path / "seen.json")[ABOUT_GITLAB[0]].region == "GitLab unknown"
    project.project.refresh()
    assert project.project.ci_pipeline_variables_minimum_override_role == "maintainer"
    assert [one.id for one in project.project.pipelines.list(get_all=True)] == before


def test_a_killed_runs_change_of_gitlab_waits_for_its_gitlab(
    start: Start, hosted: GitLab, tmp_path: Path
) -> None:
    (tmp_path / "journals").mkdir()
    journal = Journal(tmp_path / "journals" / "headrace-conformance-killed.jsonl")
    project = GitLabProject.given(hosted.url, project_of(hosted))
    project.let_set_variables("developer", journal)
    project.let_set_variables("no_one_allowed", journal)
    was = next(iter([*journal.made()][::-1])).name

    code, said = ended(start("--clean"))
    assert code == 1
    assert "still there: gitlab variables role developer: no GITLAB was given" in said
    code, said = ended(start("--clean", "--gitlab", hosted.url, **project_of(hosted)))
    assert code == 0, said
    project.project.refresh()
    assert project.project.ci_pipeline_variables_minimum_override_role == was


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_cleans_up(
    how: signal.Signals, start: Start, session: boto3.Session, tmp_path: Path
) -> None:
    process = start("--yes", "--only", *CHEAP, "execution_name_is_used_once")
    until_something_is_made(process, tmp_path)
    process.send_signal(how)
    code, said = ended(process)
    assert code == 130, said
    assert "interrupted; deleting what was made" in said
    assert left(session) == []


def test_what_a_killed_run_left_is_deleted_by_the_next(
    start: Start, session: boto3.Session, tmp_path: Path
) -> None:
    process = start("--yes", "--only", *CHEAP, "execution_name_is_used_once")
    until_something_is_made(process, tmp_path)
    process.kill()
    ended(process)
    assert left(session) != []
    code, said = ended(start("--clean"))
    assert code == 0, said
    assert "did not end; deleting what it left" in said
    assert left(session) == []
    assert list((tmp_path / "journals").iterdir()) == []


def until_something_is_made(process: subprocess.Popen[str], folder: Path) -> None:
    """Wait until the queue is made and the run waits for its state machine."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        journals = list((folder / "journals").glob("*.jsonl"))
        if journals and "state machine" in journals[0].read_text():
            return
        time.sleep(0.02)
    raise AssertionError(f"nothing was made: {ended(process)}")
