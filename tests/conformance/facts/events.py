"""EventBridge: events and rules that it refuses."""

from __future__ import annotations

from typing import Any

from tests.conformance.account import Account
from tests.conformance.fact import answer, fact

PUT_EVENTS = "https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html"
PATTERN = '{"source": ["headrace.conformance"]}'


def _entry_error(account: Account, **entry: Any) -> str:
    asked = account.client("events").put_events(
        Entries=[{"Source": "headrace.conformance"} | entry]
    )
    (outcome,) = asked["Entries"]
    return f"failed: {outcome['ErrorCode']}" if "ErrorCode" in outcome else "accepted"


@fact(
    "An event whose Detail is no JSON object fails alone, as MalformedDetail",
    f"{PUT_EVENTS}; https://github.com/localstack/localstack/pull/11990",
    "failed: MalformedDetail",
)
def event_with_malformed_detail(account: Account) -> str:
    return _entry_error(account, DetailType="Conformance", Detail="not json")


@fact(
    "An event without a DetailType fails alone",
    "https://github.com/localstack/localstack/pull/10675",
    "failed: InvalidArgument",
)
def event_without_detail_type(account: Account) -> str:
    return _entry_error(account, Detail="{}")


def _put_rule(account: Account, purpose: str, **rule: Any) -> str:
    name = account.name(purpose)
    account.journal.add("rule", name)
    return answer(
        lambda: account.client("events").put_rule(
            Name=name, State="DISABLED", Tags=account.tags, **rule
        )
    )


@fact(
    "A rule needs a pattern or a schedule",
    "https://github.com/getmoto/moto/pull/5056",
    "refused: ValidationException",
)
def rule_without_pattern_or_schedule(account: Account) -> str:
    return _put_rule(account, "bare")


@fact(
    "A rate of one takes the unit in the singular",
    "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rate-expressions.html",
    "refused: ValidationException",
)
def rate_of_one_hours(account: Account) -> str:
    return _put_rule(account, "rate", ScheduleExpression="rate(1 hours)")


@fact(
    "A rule with targets cannot be deleted",
    "https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_DeleteRule.html",
    "refused: ValidationException",
    creates="a disabled rule, a queue",
)
def rule_with_targets(account: Account) -> str:
    _, arn = account.queue("target")
    assert _put_rule(account, "targets", EventPattern=PATTERN) == "accepted"
    events, name = account.client("events"), account.name("targets")
    events.put_targets(Rule=name, Targets=[{"Id": "queue", "Arn": arn}])
    return answer(lambda: events.delete_rule(Name=name))
