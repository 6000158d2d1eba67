"""What all commands share: the options for stack, account and region, and the output."""

from __future__ import annotations

import json as jsons
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter
from headrace.domain.errors import PermanentError

if TYPE_CHECKING:  # each takes a large part of a second to import
    import boto3
    from headrace.adapters.ledger import Ledger

    from pipeline_specs.deploy.stack import Stack

STACK = "headrace"
NO_REGION = "no region; name one with --region, set AWS_REGION or choose a --profile"


class WrongUseError(PermanentError):
    """The command line says what its command cannot do."""


@Parameter(name="*", group=Group("Common options", sort_key=9))
@dataclass(frozen=True, slots=True)
class Common:
    """The options that every command takes.

    The laptop's commands (up, down, env, demo) refuse --region and --profile: their cloud has a
    region and credentials of its own.
    """

    stack: str = STACK
    """The stack's name."""
    region: str | None = None
    """The AWS region, instead of the environment's or the profile's."""
    profile: str | None = None
    """A profile of the AWS CLI's configuration."""
    json: Annotated[bool, Parameter(show_default=False)] = False
    """For machines: results as one document, progress as one object per line."""

    def chosen_region(self) -> str | None:
        """Return the region that an option or the environment names, if one does."""
        named = (self.region, *map(os.environ.get, ("AWS_REGION", "AWS_DEFAULT_REGION")))
        return next((region for region in named if region), None)

    def session(self) -> boto3.Session:
        """Return a session of the selected account and region."""
        import logging

        import boto3

        logging.getLogger("botocore").setLevel(logging.WARNING)  # SageMaker's SDK sets INFO
        # botocore does not read AWS_REGION, unlike the AWS CLI and the other SDKs.
        region = self.region or os.environ.get("AWS_REGION")
        if region:
            os.environ["AWS_DEFAULT_REGION"] = region  # the SDK creates sessions of its own
        if self.profile:
            os.environ["AWS_PROFILE"] = self.profile
        session = boto3.Session(profile_name=self.profile, region_name=region or None)
        if not session.region_name:
            raise PermanentError(NO_REGION)
        return session

    def deployed(self) -> Stack:
        """Return the selected stack."""
        from pipeline_specs.deploy.stack import Stack

        return Stack(self.stack, self.session())

    def ledger(self, stack: Stack) -> Ledger:
        """Return the stack's ledger."""
        from headrace.adapters.ledger import Ledger

        return Ledger(stack.output("LedgerTableName"), stack.session.client("dynamodb"))

    def refuse_account(self) -> None:
        """Raise WrongUseError for options that choose an account: the laptop cloud is its own."""
        for option in ("region", "profile"):
            if getattr(self, option):
                raise WrongUseError(
                    f"the laptop cloud has its own region and credentials; leave out --{option}"
                )

    def say(self, line: str) -> None:
        """Print a line of progress at once."""
        if not self.json:
            print(line, flush=True)
        elif line.strip():
            print(jsons.dumps({"line": line.strip()}), flush=True)

    def show(self, document: Any, lines: Iterable[str]) -> None:
        """Print a result: lines for people, the document for machines."""
        if self.json:
            print(jsons.dumps(document, indent=2))
        else:
            for line in lines:
                print(line)


USUAL = Common()
