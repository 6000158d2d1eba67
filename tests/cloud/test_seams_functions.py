"""Functions run under AWS's runtime client, in an environment like Lambda's."""

import json
import re
import threading
import time

import pytest
from botocore.exceptions import ClientError

from tests.cloud.cloud_sample import SECRET, Sample, eventually


def test_a_function_finds_only_what_lambda_gives_it(sample: Sample) -> None:
    environment = sample.invoke(do="environment")["environment"]

    assert SECRET not in environment.values()
    for shells in (SECRET, "PWD", "SHLVL", "USER"):
        environment.pop(shells, None)
    endpoint = environment.pop("AWS_ENDPOINT_URL")
    assert endpoint == sample.cloud.info["endpoint_url"]
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == sample.outputs["Function"]
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert environment["AWS_REGION"] == "us-east-1"
    assert environment["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert environment["NOTE"] == "first"
    unknown = {
        name
        for name in environment
        if not name.startswith(("AWS_", "LAMBDA_")) and name not in {"NOTE", "_HANDLER"}
    }
    assert unknown <= {"PATH", "LANG", "LC_CTYPE", "TZ", "HOME", "TMPDIR", "PYTHONPATH"}


def test_a_function_sees_its_layer_and_no_library_of_the_host(sample: Sample) -> None:
    assert sample.invoke(do="environment")["shared"] == 42
    for module in ("boto3", "ministack", "local_cloud", "pandas"):
        assert sample.invoke(do="import", module=module) == "absent", module


def test_an_exception_keeps_its_name(sample: Sample) -> None:
    answer = sample.invoke(do="raise")

    assert answer["errorType"] == "TooBusyError"
    assert answer["errorMessage"] == "try again"


def test_a_warm_environment_is_used_again_at_once(sample: Sample) -> None:
    first = sample.invoke(do="echo")["pid"]
    started = time.perf_counter()
    pids = {sample.invoke(do="echo")["pid"] for _ in range(20)}

    assert pids == {first}
    assert (time.perf_counter() - started) / 20 < 0.1


def test_a_burst_runs_in_a_few_environments_and_all_of_it_succeeds(sample: Sample) -> None:
    pids: list[int] = []

    def call() -> None:
        client = sample.session.client("lambda")
        answer = client.invoke(
            FunctionName=sample.outputs["Function"],
            Payload=json.dumps({"do": "sleep", "seconds": 0.1}),
        )
        pids.append(json.loads(answer["Payload"].read())["pid"])

    threads = [threading.Thread(target=call) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(pids) == 12
    assert len(set(pids)) <= 4


def test_what_a_function_prints_is_in_its_log_group(sample: Sample) -> None:
    sample.invoke(do="a line to find")
    logs, group = sample.client("logs"), f"/aws/lambda/{sample.outputs['Function']}"

    def messages() -> list[str]:
        events = logs.filter_log_events(logGroupName=group)["events"]
        return [e["message"] for e in events if "a line to find" in e["message"]]

    assert eventually(messages)
    assert (
        logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["retentionInDays"] == 30
    )


def test_a_queue_feeds_a_function_within_its_concurrency_and_failed_records_are_redriven(
    sample: Sample,
) -> None:
    sqs, logs = sample.client("sqs"), sample.client("logs")
    bodies = [f"good-{number}" for number in range(9)]
    for body in bodies:
        sqs.send_message(QueueUrl=sample.outputs["Inbox"], MessageBody=body)
    group = f"/aws/lambda/{sample.outputs['Batch']}"

    def seen() -> tuple[set[str], set[int]] | None:
        try:
            events = logs.filter_log_events(logGroupName=group)["events"]
        except ClientError:
            return None
        lines = [json.loads(e["message"]) for e in events if e["message"].startswith("{")]
        handled = {body for line in lines for body in line["bodies"]}
        return (handled, {line["pid"] for line in lines}) if handled >= set(bodies) else None

    _handled, pids = eventually(seen)
    assert len(pids) <= 2  # MaximumConcurrency


def test_an_asynchronous_failure_is_retried_and_goes_to_its_destination(sample: Sample) -> None:
    sample.client("lambda").invoke(
        FunctionName=sample.outputs["Function"],
        InvocationType="Event",
        Payload=json.dumps({"do": "raise", "mark": "async"}),
    )

    message = sample.receive("DeadLetters", lambda m: '"async"' in m["Body"])
    failure = json.loads(message["Body"])
    assert failure["requestPayload"]["mark"] == "async"
    assert failure["responsePayload"]["errorType"] == "TooBusyError"
    events = sample.client("logs").filter_log_events(
        logGroupName=f"/aws/lambda/{sample.outputs['Function']}"
    )["events"]
    assert sum('{"attempt": "async"}' in event["message"] for event in events) == 2
    requests = [event["message"] for event in events if '{"of": "async"' in event["message"]]
    assert len(requests) == 2, "a retry keeps the request id, as on AWS"
    assert len(set(requests)) == 1


def test_the_role_of_a_function_bounds_what_it_may_do(sample: Sample) -> None:
    environment = sample.invoke(do="environment")["environment"]
    session = sample.session.__class__(environment["AWS_ENDPOINT_URL"], "unused", "unused")
    client = session.client(
        "s3",
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=environment["AWS_SESSION_TOKEN"],
    )

    with pytest.raises(ClientError, match="AccessDenied") as caught:
        client.list_buckets()
    assert re.search("assumed-role|not authorized|Access Denied", str(caught.value))
