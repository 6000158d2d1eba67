"""A project's schedules: EventBridge rules that ask the control plane for a run, in turn.

A rule does not start a pipeline: it puts the request into the inbox, where uploads and retunings
wait as well, so that a scheduled run never runs beside another of its pipeline.
"""

import json
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError
from headrace.adapters.client import from_aws
from headrace.domain.errors import PermanentError
from headrace.domain.events import SOURCE
from headrace.domain.project import PipelineKind, Pipelines

from pipeline_specs.config.schedules import KINDS, Schedule, rule_name

# EventBridge retries for a day, then the request becomes a dead letter.
_RETRY_POLICY = {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}


def target(
    pipelines: Pipelines, schedule: Schedule, inbox_arn: str, dead_letters_arn: str
) -> dict[str, Any]:
    """Return the rule's target: the inbox, and the message it gets instead of the event.

    The scheduled time identifies the request, so that a second delivery starts nothing.
    """
    name = pipelines.name_of(PipelineKind(schedule.kind))
    cause = {"kind": "schedule", "reference": schedule.expression}
    fixed = {
        "source": SOURCE,
        "detail-type": "Run Requested",
        "time": "<time>",
        "detail": {"pipeline": name, "id": "<time>", "cause": cause},
    }
    return {
        "Id": "inbox",
        "Arn": inbox_arn,
        "InputTransformer": {
            "InputPathsMap": {"time": "$.time"},
            # EventBridge adds the quotes around a text itself.
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
        """Make the rules exactly these schedules; yield a line for each change."""
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
