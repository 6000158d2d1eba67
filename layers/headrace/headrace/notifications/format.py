"""Formatting that all messages share: lines, details, times and links to Studio."""

from datetime import UTC, datetime
from typing import NamedTuple

_CONSOLES = {"aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}


def lines(*parts: str) -> str:
    """Join lines into a text with one newline at its end."""
    return "\n".join(parts).rstrip() + "\n"


def detail_lines(**named: str) -> tuple[str, ...]:
    """Return a line with name and value for each value that is not empty, in two columns."""
    known = {
        name[0].upper() + name[1:].replace("_", " "): text for name, text in named.items() if text
    }
    width = max(map(len, known), default=0)
    return tuple(f"{name:{width}}  {text}" for name, text in known.items())


def when(time: float) -> str:
    """Return a time as people read it; empty for an unknown time (0)."""
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M} UTC" if time else ""


def iso(time: float) -> str:
    """Return a time in ISO 8601; empty for an unknown time (0)."""
    return datetime.fromtimestamp(time, UTC).isoformat() if time else ""


def studio(arn: str) -> str:
    """Return the console page that opens Studio in the region of an ARN.

    A link to the run itself would need the Studio domain, which neither events nor ARNs contain.
    """
    _, partition, _, region, *_ = f"{arn}:::".split(":")
    console = _CONSOLES.get(partition, "console.aws.amazon.com")
    return f"https://{region}.{console}/sagemaker/home?region={region}#/studio-landing"


def in_studio(execution_arn: str) -> tuple[str, ...]:
    """Return lines that say where to find a run in Studio."""
    *_, pipeline, _, run = execution_arn.split("/") if "/execution/" in execution_arn else ("",) * 4
    if not run:
        return ()
    return (f"In Studio, under Pipelines, {pipeline}, Executions, {run}:", studio(execution_arn))


class ReportedRun(NamedTuple):
    """A run as a message reports it.

    `because` is the run's description. `started`, and `changed`, the time of the reported status,
    are in Unix seconds, 0 if unknown.
    """

    pipeline: str
    arn: str
    changed: float
    because: str = ""
    started: float = 0.0
