"""A project's schedules: EventBridge rules that ask the control plane for a run, in turn.

A rule does not start a pipeline: it puts the request into the inbox, where uploads and retunings
wait as well, so that a scheduled run never runs beside another of its pipeline.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from botocore.exceptions import ClientError
from headrace.aws import from_aws
from headrace.errors import PermanentError
from headrace.events import SOURCE
from headrace.project import Pipelines

from pipeline_specs.document import Section

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
# EventBridge tries for a day, then the request lies with the dead letters.
_RETRY_POLICY = {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}


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


def target(
    pipelines: Pipelines, schedule: Schedule, inbox_arn: str, dead_letters_arn: str
) -> dict[str, Any]:
    """Return the rule's target: the inbox, and what it is sent in the event's place.

    The time of the schedule identifies the request: delivered twice, it is one run.
    """
    name = {
        "training": pipelines.training,
        "training-hpo": pipelines.training_hpo,
        "inference": pipelines.inference,
    }[schedule.kind]
    fixed = {
        "source": SOURCE,
        "detail-type": "Run Requested",
        "time": "<time>",
        "detail": {"pipeline": name, "id": "<time>", "cause": f"schedule {schedule.expression}"},
    }
    return {
        "Id": "inbox",
        "Arn": inbox_arn,
        "InputTransformer": {
            "InputPathsMap": {"time": "$.time"},
            # EventBridge puts the quotes around a text itself.
            "InputTemplate": json.dumps(fixed).replace('"<time>"', "<time>"),
        },
        "DeadLetterConfig": {"Arn": dead_letters_arn},
        "RetryPolicy": _RETRY_POLICY,
    }


class Rules:
    """The rules in an account's default event bus."""

    def __init__(self, events: Any, inbox_arn: str, dead_letters_arn: str) -> None:
        self._events, self._inbox, self._dead_letters = events, inbox_arn, dead_letters_arn

    def put(
        self, project: str, pipelines: Pipelines, schedules: tuple[Schedule, ...]
    ) -> Iterator[str]:
        """Let exactly these schedules be there; yield a line for each change."""
        wanted = {schedule.kind: schedule for schedule in schedules}
        for kind in KINDS.values():
            name = rule_name(project, kind)
            try:
                if kind not in wanted:
                    if self._delete(name):
                        yield f"{name}: deleted"
                elif change := self._put(name, pipelines, wanted[kind]):
                    yield f"{name}: {change}, {wanted[kind].expression}"
            except ClientError as error:
                raise from_aws(error, f"putting the rule {name}") from error

    def _put(self, name: str, pipelines: Pipelines, schedule: Schedule) -> str:
        rule = {
            "Name": name,
            "ScheduleExpression": schedule.expression,
            "State": "ENABLED",
            "Description": f"Asks for a run: {schedule.kind} of a project, as its settings say",
        }
        to = target(pipelines, schedule, self._inbox, self._dead_letters)
        there = self._described(name)
        if there and all(there.get(key) == value for key, value in rule.items()):
            if self._events.list_targets_by_rule(Rule=name)["Targets"] == [to]:
                return ""
        else:
            self._events.put_rule(**rule)
        failed = self._events.put_targets(Rule=name, Targets=[to])["FailedEntries"]
        if failed:
            raise PermanentError(f"the rule {name} got no target: {failed[0]['ErrorMessage']}")
        return "updated" if there else "created"

    def _delete(self, name: str) -> bool:
        if not self._described(name):
            return False
        targets = self._events.list_targets_by_rule(Rule=name)["Targets"]
        if targets:
            self._events.remove_targets(Rule=name, Ids=[one["Id"] for one in targets])
        self._events.delete_rule(Name=name)
        return True

    def _described(self, name: str) -> dict[str, Any] | None:
        try:
            answer: dict[str, Any] = self._events.describe_rule(Name=name)
        except self._events.exceptions.ResourceNotFoundException:
            return None
        return answer
