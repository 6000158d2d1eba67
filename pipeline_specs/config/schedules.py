"""When a project's pipelines run without being asked, as `project.yaml` says it."""

import re
from dataclasses import dataclass
from typing import Literal

from pipeline_specs.config.document import Section

Kind = Literal["training", "training-hpo", "inference"]


KINDS: dict[str, Kind] = {
    "training": "training",
    "training_hpo": "training-hpo",
    "inference": "inference",
}


# The stack's policies name rules by this beginning.
PREFIX = "headrace-schedule-"


LONGEST_NAME = 64


_EXPRESSION = re.compile(
    r"rate\((1 (minute|hour|day)|([2-9]|[1-9]\d+) (minutes|hours|days))\)|cron\((\S+ ){5}\S+\)"
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a pipeline of a kind runs without being asked: EventBridge's rate(...) or cron(...)."""

    kind: Kind
    expression: str


def parse(section: Section, project: str) -> tuple[Schedule, ...]:
    """Return the schedules in `project.yaml`; raises PermanentError naming the key."""
    section.only(*KINDS)
    found = []
    for key in section.values:
        expression = section.text(key)
        if not _EXPRESSION.fullmatch(expression):
            section.fail(
                key,
                f"should be like rate(1 day), rate(12 hours) or cron(0 3 * * ? *), six fields in "
                f"UTC, but is {expression!r}",
            )
        found.append(Schedule(KINDS[key], expression))
        if len(rule_name(project, KINDS[key])) > LONGEST_NAME:
            section.fail(key, f"needs a shorter project name than {project}")
    return tuple(found)


def rule_name(project: str, kind: Kind) -> str:
    """Return the name of the rule that starts a project's pipeline of a kind."""
    return f"{PREFIX}{project}-{kind}"
