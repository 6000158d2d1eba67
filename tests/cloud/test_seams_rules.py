"""EventBridge rules deliver, retry and keep what they could not deliver."""

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.cloud.cloud_sample import Sample


def test_an_upload_is_an_event_with_the_version_of_the_object(sample: Sample) -> None:
    put = sample.client("s3").put_object(
        Bucket=sample.outputs["Bucket"], Key="a b+ü.csv", Body=b"1,2\n"
    )

    message = sample.receive("Seen", lambda m: "a b+" in m["Body"])
    event = json.loads(message["Body"])
    detail = event["detail"]
    assert re.fullmatch(r"[0-9-]{10}T[0-9:]{8}Z", event["time"])  # whole seconds
    assert detail["object"]["key"] == "a b+ü.csv"
    assert detail["object"]["version-id"] == put["VersionId"]
    assert detail["reason"] == "PutObject"


def test_anything_but_a_list_of_wildcards_leaves_out_what_it_names(sample: Sample) -> None:
    s3, bucket = sample.client("s3"), sample.outputs["Bucket"]
    for key in ("p/runs/1/a.csv", "p/drops/1/manifest.json", "p/other/last.csv"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")

    keys: list[str] = []

    def last(message: dict[str, str]) -> bool:
        keys.append(json.loads(message["Body"])["detail"]["object"]["key"])
        return keys[-1].endswith("last.csv")

    sample.receive("Seen", last)
    assert not [key for key in keys if "/runs/" in key or "/drops/" in key]


def test_a_queue_that_denies_eventbridge_is_named_in_the_dead_letter(
    sample: Sample,
) -> None:
    sample.put_event("sample.refused", mark="refused")

    message = sample.receive("DeadLetters", lambda m: "refused" in m["Body"])
    attributes = {k: v["StringValue"] for k, v in message["MessageAttributes"].items()}
    assert attributes["ERROR_CODE"] == "NO_PERMISSIONS"
    assert ":rule/sample-Refused" in attributes["RULE_ARN"]
    assert "sample-Closed" in attributes["TARGET_ARN"]
    assert json.loads(message["Body"])["source"] == "sample.refused"


def test_a_function_behind_a_rule_is_retried_and_then_fails_to_its_destination(
    sample: Sample,
) -> None:
    lambda_ = sample.client("lambda")
    invoked = lambda_.get_function_event_invoke_config(
        FunctionName=sample.outputs["Function"], Qualifier="$LATEST"
    )
    assert invoked["MaximumRetryAttempts"] == 1

    rule = sample.client("events")
    name = next(r["Name"] for r in rule.list_rules()["Rules"] if "FunctionRule" in r["Name"])
    target = rule.list_targets_by_rule(Rule=name)["Targets"][0]
    rule.put_targets(Rule=name, Targets=[{**target, "Input": '{"do": "raise", "mark": "rule"}'}])
    sample.put_event("sample.function")

    message = sample.receive("DeadLetters", lambda m: '"rule"' in m["Body"])
    failure = json.loads(message["Body"])
    assert failure["requestContext"]["condition"] == "RetriesExhausted"


A_QUEUE_THAT_FAILS = """
import threading
from ministack.services import eventbridge
from local_cloud.ministack import rules

attempts, letters = [], []
def send(spec, payload, sqs_parameters=None):
    attempts.append(payload)
    if len(attempts) <= FAILURES:
        raise OSError("no route to the queue")
eventbridge._dispatch_to_sqs = send
rules.check = lambda target_arn, rule_arn: None
rules.RETRY_SECONDS = 0.01
rules.dead_letter = lambda queue, target, delivery: letters.append(delivery)
rules.install()
target = {
    "Id": "t", "Arn": "arn:aws:sqs:us-east-1:000000000000:q",
    "RetryPolicy": {"MaximumRetryAttempts": 2}, "DeadLetterConfig": {"Arn": "arn:dlq"},
}
event = {"Source": "s", "DetailType": "d", "Detail": "{}", "EventId": "1", "Time": 1,
         "Account": "000000000000", "Region": "us-east-1", "Resources": []}
eventbridge._invoke_target(target, event, {"Name": "r"})
while retries := [t for t in threading.enumerate() if t.name.startswith("rule-retry")]:
    retries[0].join()
print(len(attempts), [f"{letter.error} after {letter.attempts}" for letter in letters])
"""


def after_failures(number: int) -> str:
    script = A_QUEUE_THAT_FAILS.replace("FAILURES", str(number))
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_failed_delivery_is_retried_as_the_target_says() -> None:
    assert after_failures(2) == "3 []"


def test_when_retries_are_used_up_the_event_goes_to_the_dead_letter_queue() -> None:
    assert after_failures(9) == "3 ['no route to the queue after 3']"
