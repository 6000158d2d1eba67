"""What is examined: an account and region, the stack there, and this checkout's projects."""

from __future__ import annotations

import shlex
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.config import Config
from headrace.adapters.ledger import Ledger
from headrace.domain.errors import PermanentError
from headrace.domain.project import Project

from pipeline_specs import ROOT
from pipeline_specs.config import document
from pipeline_specs.config.settings import Settings
from pipeline_specs.deploy.stack import Stack

if TYPE_CHECKING:
    import boto3

_STACK = "headrace"  # what commands mean without --stack
_CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 3})


class Caller(NamedTuple):
    """The caller: account number and ARN, as STS reports them."""

    account: str
    arn: str

    @property
    def partition(self) -> str:
        """Return the partition of the account, such as aws-us-gov."""
        return self.arn.split(":")[1]


class Target:
    """An account and region with the stack of a name, and the projects in a folder.

    Everything is looked up when it is first needed, and raises what AWS answered.
    """

    def __init__(
        self,
        stack: Stack,
        *,
        profile: str | None = None,
        projects: Path = ROOT / "pipeline_specs",
    ) -> None:
        self.stack, self._profile, self._projects = stack, profile, projects
        self._clients: dict[str, Any] = {}

    @property
    def session(self) -> boto3.Session:
        """Return the session that says which account and region are meant."""
        return self.stack.session

    @property
    def region(self) -> str:
        """Return the region's name."""
        return str(self.session.region_name)

    @cached_property
    def caller(self) -> Caller:
        """The caller, by STS, which needs no permission."""
        answer = self.client("sts").get_caller_identity()
        return Caller(answer["Account"], answer["Arn"])

    @cached_property
    def ledger(self) -> Ledger:
        """The stack's ledger."""
        return Ledger(self.stack.output("LedgerTableName"), self.client("dynamodb"))

    @cached_property
    def known(self) -> tuple[Project, ...]:
        """The projects that the control plane knows."""
        return tuple(self.ledger.projects())

    @cached_property
    def files(self) -> tuple[tuple[Settings | None, str], ...]:
        """The settings of each project.yaml here, or None and what is wrong in the file."""
        found: list[tuple[Settings | None, str]] = []
        for path in sorted(self._projects.glob("*/project.yaml")):
            try:
                found.append((Settings.parse(document.load(path)), ""))
            except PermanentError as error:
                found.append((None, str(error)))
        return tuple(found)

    @property
    def settings(self) -> tuple[Settings, ...]:
        """Return the settings of the projects here whose files are right."""
        return tuple(settings for settings, _ in self.files if settings is not None)

    @property
    def upserted(self) -> tuple[Settings, ...]:
        """Return the settings of those projects that the control plane knows as well."""
        known = {project.name for project in self.known}
        return tuple(one for one in self.settings if one.project.name in known)

    def client(self, service: str) -> Any:
        """Return the client of a service."""
        if service not in self._clients:
            self._clients[service] = self.session.client(service, config=_CONFIG)
        return self._clients[service]

    def aws(self, *words: str) -> str:
        """Return a command of the AWS CLI for this account and region, as it is to be pasted."""
        return shlex.join(["aws", *words, "--region", self.region, *self._with_profile()])

    def headrace(self, *words: str) -> str:
        """Return a command of `headrace` for this stack, account and region."""
        named = () if self.stack.name == _STACK else ("--stack", self.stack.name)
        where = ("--region", self.region)
        return shlex.join(["headrace", *words, *named, *where, *self._with_profile()])

    def sam(self) -> str:
        """Return the command that deploys this checkout to the stack."""
        name = ("--stack-name", self.stack.name)
        words = ("sam", "deploy", *name, "--region", self.region, *self._with_profile())
        return f"sam build && {shlex.join(words)}"

    def _with_profile(self) -> tuple[str, ...]:
        return ("--profile", self._profile) if self._profile else ()
