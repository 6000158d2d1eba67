"""The laptop cloud: mail, MiniStack, GitLab and the deployed stack, started and stopped as one.

    with Cloud(Path(".headrace"), alert_email="me@example.com") as cloud:
        cloud.session().client("s3").list_buckets()

Clients find it through `cloud.json` in its home folder; its state (objects, tables, model versions,
repositories) is under `state/` there and survives a stop.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import boto3

from local_cloud.chaos.chaos import Chaos, Faults
from local_cloud.deploy import accounts, ci, users
from local_cloud.deploy.build import Builder, Toolchain
from local_cloud.deploy.stack import Deployment
from local_cloud.mail.mailbox import MailServer
from local_cloud.ministack.process import ROOT, Server, choose_port
from local_cloud.ministack.settings import ACCOUNT_ID, REGION, Settings

if TYPE_CHECKING:
    from local_cloud.gitlab.gitlab import GitLab

STACK_NAME = "headrace"
INFO = "cloud.json"
PID = "cloud.pid"
PERMISSIONS = "permissions.jsonl"


class CloudRunningError(Exception):
    """A cloud already runs in this home folder."""


def running_pid(home: Path) -> int | None:
    """The process that runs the cloud of this home folder, if there is one.

    It holds a lock on its pid file, so that the file of a dead process does not count.
    """
    try:
        with (home / PID).open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read())
    except FileNotFoundError:
        pass
    return None


def write_atomically(path: Path, text: str, mode: int = 0o600) -> None:
    """Write so that a reader sees the old file or the new one; only its owner may read it."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.touch(mode=mode)
    partial.write_text(text)
    partial.replace(path)


class Cloud:
    """A running laptop cloud, as a context manager; `info` is what `cloud.json` holds.

    GitLab hosts the folder `repository`. `further_accounts`, number by name, score with
    what the first one's registry holds; `info["accounts"]` has for each what `info` has.
    """

    def __init__(
        self,
        home: Path = Path(".headrace"),
        *,
        alert_email: str = "alerts@example.com",
        template: Path = ROOT / "template.yaml",
        stack_name: str = STACK_NAME,
        gitlab: bool = True,
        repository: Path = ROOT,
        further_accounts: Mapping[str, str] | None = None,
        parameters: Mapping[str, str] | None = None,
        chaos: Chaos | None = None,
        recorded_calls: int = 0,
        say: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.home = home.resolve()
        self.alert_email, self.template, self.stack_name = alert_email, template, stack_name
        self.info: dict[str, Any] = {}
        self.server: Server | None = None
        self._with_gitlab, self._repository, self._say = gitlab, repository, say
        self._accounts = dict(further_accounts or {})
        self._recorded_calls = recorded_calls
        self.permissions = self.home / PERMISSIONS  # what roles used of theirs
        self._parameters = dict(parameters or {})
        self._faults = Faults(chaos, self.home) if chaos else None
        self._gitlab: GitLab | None = None
        self._exits = contextlib.ExitStack()

    def start(self) -> None:
        """Start everything and deploy; on an error everything is stopped again."""
        self._claim_home()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def _claim_home(self) -> None:
        pid = running_pid(self.home)
        if pid is not None:
            raise CloudRunningError(
                f"a cloud runs in {self.home} (process {pid}); stop it with "
                f"`headrace down --home {self.home}`"
            )
        self.home.mkdir(parents=True, exist_ok=True)
        file = self._exits.enter_context((self.home / PID).open("w"))
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        file.write(str(os.getpid()))
        file.flush()
        self._exits.callback((self.home / PID).unlink)

    def _start(self) -> None:
        venv, state = Path(sys.prefix).parent, self.home / "state"
        mail = MailServer(self.home / "mail")
        mail.start()
        self._exits.callback(mail.stop)
        root_id, root_secret = self._root_keys(state)
        settings = Settings(
            port=choose_port(state),
            state_dir=state,
            work_dir=self.home / "work",
            smtp_port=mail.port,
            functions_python=venv / "lambda" / "bin" / "python",
            jobs_python=venv / "jobs" / "bin" / "python",
            root_access_key_id=root_id,
            root_secret_access_key=root_secret,
            permissions=self.permissions,
            chaos_home=self.home if self._faults else None,
            recorded_calls=self._recorded_calls,
        )
        if self._faults:
            self._faults.write()
        self.server = Server(settings, self.home / "logs" / "ministack.log")
        self._say(f"MiniStack on {settings.endpoint_url}, log in {self.server.log}")
        self.server.start()
        self._exits.callback(self.server.stop)
        root = users.EndpointSession(settings.endpoint_url, root_id, root_secret)
        admin_id, admin_secret = users.ensure_user(root, "admin", users.EVERYTHING)
        self.info = {
            "endpoint_url": settings.endpoint_url,
            "region": REGION,
            "account_id": ACCOUNT_ID,
            "access_key_id": admin_id,
            "secret_access_key": admin_secret,
            "stack_name": self.stack_name,
            "outputs": {},
            "mail_dir": str(mail.folder),
            "gitlab_url": None,
            "gitlab_project_id": None,
            "gitlab_api_token": None,
            "console_url": None,
            "accounts": {},
        }
        if self._with_gitlab:
            self._start_gitlab(venv, state)
        self.info["accounts"] = {
            name: accounts.member(self.info, number, root_secret)
            for name, number in self._accounts.items()
        }
        self._deploy(venv)
        write_atomically(self.home / INFO, json.dumps(self.info, indent=2) + "\n")
        self._exits.callback(lambda: (self.home / INFO).unlink(missing_ok=True))
        if self._faults:
            self._faults.switch(True)
            self._exits.callback(self._faults.switch, False)
            self._say(f"chaos of seed {self._faults.chaos.seed}, logged in {self._faults.log}")

    def _root_keys(self, state: Path) -> tuple[str, str]:
        """MiniStack's own root keys, created once per home; only this class uses them."""
        path = state / "root-keys.json"
        if not path.exists():
            state.mkdir(parents=True, exist_ok=True)
            keys = [f"AKIA{secrets.token_hex(8).upper()}", secrets.token_urlsafe(30)]
            write_atomically(path, json.dumps(keys))
        key_id, secret = json.loads(path.read_text())
        return key_id, secret

    def _start_gitlab(self, venv: Path, state: Path) -> None:
        from local_cloud.gitlab.gitlab import start_gitlab

        variables = ci.variables(self.info, venv)
        self._gitlab = start_gitlab(self._repository, state / "gitlab", variables)
        self._exits.callback(self._gitlab.stop)
        self.info.update(
            gitlab_url=self._gitlab.url,
            gitlab_project_id=self._gitlab.project_id,
            gitlab_api_token=self._gitlab.api_token,
        )
        if self._faults:
            from local_cloud.chaos.gitlab import around

            self._gitlab.surround(around(self._faults))
        self._say(f"GitLab on {self._gitlab.url}, project {self._gitlab.project_id}")

    def _deploy(self, venv: Path) -> None:
        started = time.monotonic()
        parameters = {"AlertEmail": self.alert_email, **self._parameters}
        if self._gitlab:
            parameters |= {
                "GitLabUrl": str(self._gitlab.url),
                "GitLabProjectPath": self._gitlab.project_path,
            }
        builder = Builder(ROOT / ".headrace" / "build", Toolchain.of(venv))

        def deployed(session: boto3.Session, more: Mapping[str, str]) -> dict[str, str]:
            deployment = Deployment(session, builder, self.stack_name)
            return deployment.deploy(self.template, {**parameters, **more})

        if self._gitlab:
            for name in ("", *self._accounts):
                ci.trust(self.session(name), str(self._gitlab.url))
        outputs = deployed(self.session(), accounts.shared_with(self._accounts))
        self.info["outputs"] = outputs
        for name, info in self.info["accounts"].items():
            info["outputs"] = deployed(self.session(name), accounts.scoring_with(self.info))
        if self._gitlab and "GitLabSecretArn" in outputs:
            tokens = {
                "trigger_token": self._gitlab.trigger_token,
                "api_token": self._gitlab.api_token,
            }
            self.session().client("secretsmanager").put_secret_value(
                SecretId=outputs["GitLabSecretArn"], SecretString=json.dumps(tokens)
            )
        if self._gitlab:
            self._gitlab.set_variables(ci.access(self.info))
        seconds = time.monotonic() - started
        self._say(f"stack {self.stack_name} deployed from {self.template.name} in {seconds:.1f} s")

    def session(self, account: str = "") -> boto3.Session:
        """A session of an account's administrator, whose clients talk to this cloud."""
        info = self.info["accounts"][account] if account else self.info
        return users.EndpointSession(
            self.info["endpoint_url"], info["access_key_id"], info["secret_access_key"]
        )

    @contextlib.contextmanager
    def calm(self) -> Iterator[None]:
        """Suspend faults in a cloud that was made with `chaos`."""
        if self._faults:
            self._faults.switch(False)
        try:
            yield
        finally:
            if self._faults:
                self._faults.switch(True)

    @property
    def gitlab(self) -> GitLab:
        """The GitLab stand-in, whose faults tests switch on and off."""
        if self._gitlab is None:
            raise RuntimeError("this cloud runs without GitLab")
        return self._gitlab

    def run_ci(self, variables: dict[str, str], timeout: float = 300) -> dict[str, Any]:
        """Run a pipeline of the GitLab project with these variables; waits for its success."""
        return ci.run(self.info, variables, timeout)

    def stop(self) -> None:
        """Stop everything, the last started first; the state is saved."""
        self._exits.close()

    def __enter__(self) -> Cloud:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
