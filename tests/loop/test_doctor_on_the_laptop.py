"""`headrace doctor` on the laptop's account, healthy and with three things wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from demo.loop import Loop
from tests.loop.test_workbench import put, queue, workbench

# What the laptop cloud does not have.
NOT_HERE = {"quotas"}


def examined(loop: Loop) -> tuple[int, dict[str, Any]]:
    done = workbench(loop, "doctor", "--json")
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


@pytest.fixture
def three_wrongs(loop: Loop) -> Iterator[str]:
    """An alarm in ALARM, a subscription that nobody confirmed, and a dead letter."""
    alarm, letters = queue(loop, "ActFailedAlarm"), queue(loop, "NotifyDeadLetters")
    cloudwatch, sns = loop.client("cloudwatch"), loop.client("sns")
    topic = loop.info["outputs"]["AlertsTopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="https", Endpoint="https://127.0.0.1:9/chat")
    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="a test")
    put(loop, "NotifyDeadLetters", "what is this?")
    yield alarm
    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="a test")
    loop.sqs.purge_queue(QueueUrl=letters)
    # The subscription stays: SNS does not delete an unconfirmed one.


def test_a_healthy_account_has_no_errors_and_missing_services_are_unknown(loop: Loop) -> None:
    code, report = examined(loop)
    wrong = [one for one in report["findings"] if one["severity"] in ("error", "warning")]
    assert (code, wrong) == (0, [])
    unknown = {one["name"] for one in report["findings"] if one["severity"] == "unknown"}
    assert unknown == NOT_HERE
    assert report["counts"]["ok"] > 20


def test_an_alarm_a_subscription_and_a_dead_letter_are_found(loop: Loop, three_wrongs: str) -> None:
    code, report = examined(loop)
    wrong = {
        one["name"]: (one["severity"], one["command"].split(" --")[0])
        for one in report["findings"]
        if one["severity"] in ("error", "warning")
    }
    assert code == 1
    assert wrong == {
        "alarms": ("error", "aws cloudwatch describe-alarm-history"),
        "subscriptions": ("warning", "aws sns subscribe"),
        "dead letters": ("error", "headrace redrive"),
    }
    spoken = workbench(loop, "doctor")
    assert spoken.returncode == 1
    assert f"error   alarms: {three_wrongs} is in ALARM: " in spoken.stdout
    assert "headrace redrive --region us-east-1\n" in spoken.stdout
