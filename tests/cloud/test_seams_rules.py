"""EventBridge rules deliver, retry and keep what they could not deliver."""

import json

from cloud_sample import Sample


def test_an_upload_is_an_event_with_the_version_of_the_object(sample: Sample) -> None:
    put = sample.client("s3").put_object(
        Bucket=sample.outputs["Bucket"], Key="a b+ü.csv", Body=b"1,2\n"
    )

    message = sample.receive("Seen", lambda m: "a b+" in m["Body"])
    detail = json.loads(message["Body"])["detail"]
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


def test_a_queue_that_does_not_let_eventbridge_in_is_told_by_the_dead_letter(
    sample: Sample,
) -> None:
    sample.put_event("sample.refused", mark="refused")

    message = sample.receive("DeadLetters", lambda m: "refused" in m["Body"])
    attributes = {k: v["StringValue"] for k, v in message["MessageAttributes"].items()}
    assert attributes["ERROR_CODE"] == "NO_PERMISSIONS"
    assert ":rule/sample-Refused" in attributes["RULE_ARN"]
    assert "sample-Closed" in attributes["TARGET_ARN"]
    assert json.loads(message["Body"])["source"] == "sample.refused"


def test_a_function_behind_a_rule_is_retried_and_then_told_to_its_destination(
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
