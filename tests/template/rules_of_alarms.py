"""Rules about alarms: whatever fails is seen, people are reached, and told what to do.

A rule takes the stack and returns complaints; each complaint names the resource.
"""

import re
import shlex
from collections.abc import Iterator

import botocore.session
from botocore import xform_name

from tests.template.expanded_stack import Stack, named
from tests.template.rules_of_events import polled
from workbench.cli.app import made as command_line

VISIBLE, HIDDEN = "ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible"
AGE = "ApproximateAgeOfOldestMessage"
# `aws logs tail` is the CLI's own and in no model: its argument is a log group.
TAIL = {"--since", "--filter-pattern"}
GLOBAL = {"--region", "--profile"}


def functions_have_alarms(stack: Stack) -> list[str]:
    """A function that fails or is throttled is seen, whoever invokes it."""
    wanted = [
        (name, one) for name in stack.of("Lambda::Function") for one in ("Errors", "Throttles")
    ]
    there = set(_watched(stack, "AWS/Lambda", "FunctionName"))
    return [
        f"{name}: no alarm on {metric}" for name, metric in wanted if (name, metric) not in there
    ]


def queues_have_alarms(stack: Stack) -> list[str]:
    """Messages that nobody takes are seen, and those that a function takes again and again."""
    wanted = [(queue, VISIBLE) for queue in stack.of("SQS::Queue")]
    wanted += [(queue, HIDDEN) for queue in polled(stack)]
    there = set(_watched(stack, "AWS/SQS", "QueueName"))
    return [
        f"{queue}: no alarm on {metric}" for queue, metric in wanted if (queue, metric) not in there
    ]


def ages_are_true(stack: Stack) -> list[str]:
    """No alarm on the age of messages that are received again and again.

    "After a message is received three times (or more) and not processed" SQS reports the age of
    another one (developer guide, "Available CloudWatch metrics for Amazon SQS").
    """
    watched = list(_watched(stack, "AWS/SQS", "QueueName"))
    return [f"{queue}: has an alarm on {AGE}" for queue in polled(stack) if (queue, AGE) in watched]


def alarms_say_what_to_do(stack: Stack) -> list[str]:
    """Each description has a command in backticks, which the AWS CLI or `headrace` takes."""
    found = []
    for name, alarm in stack.of("CloudWatch::Alarm").items():
        text = alarm.get("AlarmDescription", "")
        commands = re.findall(r"`([^`]+)`", text)
        if not commands or len(text) > 1024:
            found.append(f"{name}: says no command, or too much")
        found += [f"{name}: {why}" for one in commands for why in _refused(stack, shlex.split(one))]
    return found


def alarms_reach_people(stack: Stack) -> list[str]:
    """An alarm acts on a topic that lets CloudWatch in, and so does the topic's key."""
    found = []
    for name, alarm in stack.of("CloudWatch::Alarm").items():
        topics = [named(action) for action in alarm.get("AlarmActions", [])]
        if not topics or alarm.get("ActionsEnabled", True) is not True:
            found.append(f"{name}: acts on nothing")
        for topic in topics:
            key = named(stack.properties[topic].get("KmsMasterKeyId"))
            if not _cloudwatch_may(stack, "sns:Publish", f"<{topic}>"):
                found.append(f"{name}: CloudWatch may not publish to {topic}")
            if key and not _cloudwatch_may(stack, "kms:GenerateDataKey*", "*", key):
                found.append(f"{name}: CloudWatch may not use {key}")
    return found


def _watched(stack: Stack, namespace: str, dimension: str) -> Iterator[tuple[str, str]]:
    """Yield (resource, metric) of each alarm on one resource of a namespace."""
    for alarm in stack.of("CloudWatch::Alarm").values():
        if alarm["Namespace"] == namespace:
            for one in alarm["Dimensions"]:
                if one["Name"] == dimension:
                    yield named(one["Value"]), alarm["MetricName"]


def _refused(stack: Stack, words: list[str]) -> Iterator[str]:
    """Yield what is wrong with a command."""
    options = {word for word in words if word.startswith("--")}
    match words:
        case ["headrace", *rest]:
            try:
                command_line().parse_args(rest, print_error=False, exit_on_error=False)
            except Exception as error:
                yield f"headrace refuses {rest}: {error}"
        case ["aws", "logs", "tail", group, *_]:
            if named(group) not in stack.of("Logs::LogGroup") or options - TAIL - GLOBAL:
                yield f"aws logs tail takes no {group} or {options - TAIL}"
        case ["aws", service, operation, *_]:
            session = botocore.session.get_session()
            if service not in session.get_available_services():
                yield f"aws has no service {service}"
                return
            model = session.get_service_model(service)
            named_so = {xform_name(one, "-"): one for one in model.operation_names}
            if operation not in named_so:
                yield f"{service} has no operation {operation}"
                return
            shape = model.operation_model(named_so[operation]).input_shape
            members = {} if shape is None else shape.members
            required = [] if shape is None else shape.required_members
            known = {f"--{xform_name(one, '-')}" for one in members}
            lacking = {f"--{xform_name(one, '-')}" for one in required} - options
            if wrong := (options - known - GLOBAL) | lacking:
                yield f"{service} {operation}: unknown or missing {sorted(wrong)}"
        case _:
            yield f"{words} is no command of the AWS CLI or headrace"


def _cloudwatch_may(stack: Stack, action: str, resource: str, of: str = "") -> bool:
    return any(
        statement.allows
        and (statement.resource == of or not of)
        and ("Service", "cloudwatch.amazonaws.com") in statement.principals
        and action in statement.actions
        and resource in statement.resources
        for statement in stack.statements()
    )
