"""Runs the commands printed in mails, as they stand, with boto3 instead of the AWS CLI."""

from __future__ import annotations

import shlex
from typing import Any

import boto3
from botocore import xform_name


class CommandError(Exception):
    """A command that the AWS CLI would reject as well; the message says why."""


def commands_in(text: str) -> list[str]:
    """Return the `aws ...` commands in a text, their continued lines joined."""
    joined = text.replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines() if line.strip().startswith("aws ")]


def run(session: boto3.Session, command: str, endpoint_url: str | None = None) -> dict[str, Any]:
    """Run an `aws SERVICE OPERATION --member value ...` command; return the response."""
    words = shlex.split(command)
    if len(words) < 3 or words[0] != "aws":
        raise CommandError(f"expected `aws SERVICE OPERATION ...`, not {command!r}")
    client = session.client(words[1], endpoint_url=endpoint_url)
    operation = words[2].replace("-", "_")
    name = client.meta.method_to_api_mapping.get(operation)
    if name is None:
        raise CommandError(f"{words[1]} has no operation {words[2]}")
    members = client.meta.service_model.operation_model(name).input_shape.members
    by_option = {"--" + xform_name(member, "-"): member for member in members}
    arguments: dict[str, Any] = {}
    rest = iter(words[3:])
    for option in rest:
        value = next(rest, None)
        if option not in by_option or value is None:
            raise CommandError(f"{words[2]} has no option {option}, or it lacks a value")
        member = by_option[option]
        arguments[member] = _value(members[member].type_name, value)
    answer: dict[str, Any] = getattr(client, operation)(**arguments)
    return answer


def _value(kind: str, text: str) -> Any:
    match kind:
        case "string":
            return text
        case "integer":
            return int(text)
        case "map":  # the CLI's shorthand: key=value,key=value
            return dict(pair.split("=", 1) for pair in text.split(","))
        case _:
            raise CommandError(f"a value of type {kind} is not supported here")
