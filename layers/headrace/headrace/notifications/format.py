"""A message to people and machines; what each says is in `messages` and `model_messages`."""

from datetime import UTC, datetime
from typing import NamedTuple

_CONSOLES = {"aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}


def lines(*parts: str) -> str:
    """Return a text of these lines, with one end."""
    return "\n".join(parts).rstrip() + "\n"


def facts(**named: str) -> tuple[str, ...]:
    """Return a line for each fact that is known, its name before it, their values in a column."""
    known = {
        name[0].upper() + name[1:].replace("_", " "): fact for name, fact in named.items() if fact
    }
    width = max(map(len, known), default=0)
    return tuple(f"{name:{width}}  {fact}" for name, fact in known.items())


def when(time: float) -> str:
    """Return a time as people read it, nothing for an unknown one (0)."""
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M} UTC" if time else ""


def iso(time: float) -> str:
    """Return a time as machines read it, nothing for an unknown one (0)."""
    return datetime.fromtimestamp(time, UTC).isoformat() if time else ""


def studio(arn: str) -> str:
    """Return the console's page that opens Studio in the region of an ARN.

    Only a domain's own address leads to a run itself, and neither events nor ARNs name a domain.
    """
    _, partition, _, region, *_ = f"{arn}:::".split(":")
    console = _CONSOLES.get(partition, "console.aws.amazon.com")
    return f"https://{region}.{console}/sagemaker/home?region={region}#/studio-landing"


def in_studio(execution_arn: str) -> tuple[str, ...]:
    """Return lines that say where a run is found in Studio."""
    *_, pipeline, _, run = execution_arn.split("/") if "/execution/" in execution_arn else ("",) * 4
    if not run:
        return ()
    return (f"In Studio, under Pipelines, {pipeline}, Executions, {run}:", studio(execution_arn))


class ToldRun(NamedTuple):
    """A run as people are told of it.

    `because` is its description. It `started`, and `changed` to what is told, in seconds since
    1970, 0 where that is unknown.
    """

    pipeline: str
    arn: str
    changed: float
    because: str = ""
    started: float = 0.0
