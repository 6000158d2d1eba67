"""What every command takes: which stack, whose account, and how to say what came of it."""

from __future__ import annotations

import json as jsons
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter
from headrace.domain.errors import PermanentError

if TYPE_CHECKING:  # each takes a good part of a second to import
    import boto3
    from headrace.adapters.ledger import Ledger

    from pipeline_specs.deploy.stack import Stack

STACK = "headrace"
NO_REGION = "no region; name one with --region, set AWS_REGION or choose a --profile"


@Parameter(name="*", group=Group("Common options", sort_key=9))
@dataclass(frozen=True, slots=True)
class Common:
    """The options that every command takes.

    The laptop's commands (up, down, env, demo) have an account and a region of their own.
    """

    stack: str = STACK
    """The stack's name."""
    region: str | None = None
    """The AWS region, instead of the environment's or the profile's."""
    profile: str | None = None
    """A profile of the AWS CLI's configuration."""
    json: Annotated[bool, Parameter(show_default=False)] = False
    """For machines: results as a document, progress as an object a line."""

    def session(self) -> boto3.Session:
        """Return a session of the account and region that are meant."""
        import logging

        import boto3

        logging.getLogger("botocore").setLevel(logging.WARNING)  # SageMaker's SDK asks for INFO
        # botocore does not read AWS_REGION, which the AWS CLI and the other SDKs prefer.
        region = self.region or os.environ.get("AWS_REGION")
        if region:
            os.environ["AWS_DEFAULT_REGION"] = region  # SageMaker's SDK has sessions of its own
        if self.profile:
            os.environ["AWS_PROFILE"] = self.profile
        session = boto3.Session(profile_name=self.profile, region_name=region or None)
        if not session.region_name:
            raise PermanentError(NO_REGION)
        return session

    def deployed(self) -> Stack:
        """Return the stack that is meant."""
        from pipeline_specs.deploy.stack import Stack

        return Stack(self.stack, self.session())

    def ledger(self, stack: Stack) -> Ledger:
        """Return the stack's ledger."""
        from headrace.adapters.ledger import Ledger

        return Ledger(stack.output("LedgerTableName"), stack.session.client("dynamodb"))

    def say(self, line: str) -> None:
        """Say what was done, at once."""
        if not self.json:
            print(line, flush=True)
        elif line.strip():
            print(jsons.dumps({"line": line.strip()}), flush=True)

    def show(self, document: Any, lines: Iterable[str]) -> None:
        """Show a result: lines for people, the document for machines."""
        if self.json:
            print(jsons.dumps(document, indent=2))
        else:
            for line in lines:
                print(line)


USUAL = Common()
