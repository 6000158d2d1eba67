"""What the stack itself reports: alarms in ALARM, and dead letters."""

from collections.abc import Iterator

from workbench.doctor.findings import Finding
from workbench.doctor.target import Target
from workbench.redrive import DEAD_LETTERS

_MOST_NAMES = 100  # that DescribeAlarms takes


def alarms(target: Target) -> Iterator[Finding]:
    """Report the stack's alarms that are in ALARM, disabled or missing."""
    names = list(target.stack.resources("AWS::CloudWatch::Alarm").values())
    wrong = False
    found: set[str] = set()
    for start in range(0, len(names), _MOST_NAMES):
        pages = target.client("cloudwatch").get_paginator("describe_alarms")
        for page in pages.paginate(AlarmNames=names[start : start + _MOST_NAMES]):
            for alarm in page["MetricAlarms"]:
                name = alarm["AlarmName"]
                found.add(name)
                if alarm["StateValue"] == "ALARM":
                    wrong = True
                    seen = f"{name} is in ALARM: {alarm.get('AlarmDescription', '')}"
                    history = ("cloudwatch", "describe-alarm-history", "--alarm-name", name)
                    yield Finding("alarms", "error", seen, target.aws(*history))
                if not alarm.get("ActionsEnabled", True):
                    wrong = True
                    seen = f"{name} has its actions disabled, so that it notifies nobody"
                    enable = ("cloudwatch", "enable-alarm-actions", "--alarm-names", name)
                    yield Finding("alarms", "warning", seen, target.aws(*enable))
    for name in sorted(set(names) - found):
        wrong = True
        yield Finding("alarms", "error", f"{name} is not there", target.sam())
    if not wrong:
        yield Finding("alarms", "ok", f"none of {len(names)} alarms is in ALARM")


def dead_letters(target: Target) -> Iterator[Finding]:
    """Count what lies in each dead-letter queue."""
    queues = target.stack.resources("AWS::SQS::Queue")
    name = "ApproximateNumberOfMessages"
    for logical in DEAD_LETTERS:
        answer = target.client("sqs").get_queue_attributes(
            QueueUrl=queues[logical], AttributeNames=[name]
        )
        count = int(answer["Attributes"][name])
        if count:
            seen = f"{logical} holds {count}; once the cause is fixed, redrive them"
            yield Finding("dead letters", "error", seen, target.headrace("redrive"))
        else:
            yield Finding("dead letters", "ok", f"{logical} is empty")
