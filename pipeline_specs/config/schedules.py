"""When a project's pipelines run on schedule, as set in `project.yaml`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, StrictStr

from pipeline_specs.config.fields import Section, Shape

Kind = Literal["training", "training-hpo", "inference"]
KINDS: dict[str, Kind] = {
    "training": "training",
    "training_hpo": "training-hpo",
    "inference": "inference",
}
# The stack's policies allow rules with this prefix.
PREFIX = "headrace-schedule-"
LONGEST_NAME = 64  # of a rule in EventBridge
_RATE = r"rate\((1 (minute|hour|day)|([2-9]|[1-9][0-9]+) (minutes|hours|days))\)"
Expression = Annotated[
    StrictStr,
    Shape(
        rf"{_RATE}|cron\((\S+ ){{5}}\S+\)",
        "like rate(1 day), rate(12 hours) or cron(0 3 * * ? *), six fields in UTC",
    ),
    Field(examples=["rate(1 day)", "cron(0 3 * * ? *)"]),
]


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a pipeline of a kind runs on schedule: EventBridge's rate(...) or cron(...)."""

    kind: Kind
    expression: str


class Schedules(Section):
    """When pipelines run on schedule: EventBridge's rate(...) or cron(...), in UTC.
    A scheduled run waits its turn."""

    training: Expression | None = None
    """Trains on all of the training folder."""
    training_hpo: Expression | None = None
    """Searches for hyperparameters on all of the training folder."""
    inference: Expression | None = None
    """Scores all of the scoring folder."""

    def all(self) -> tuple[Schedule, ...]:
        """Return those that are set."""
        found = ((kind, getattr(self, key)) for key, kind in KINDS.items())
        return tuple(Schedule(kind, expression) for kind, expression in found if expression)


def rule_name(project: str, kind: Kind) -> str:
    """Return the name of the rule that starts a project's pipeline of a kind."""
    return f"{PREFIX}{project}-{kind}"
