"""`headrace pipelines` against a laptop cloud."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from headrace.adapters.eventbridge import parse_json
from headrace.adapters.ledger import Ledger
from headrace.domain.events import RunRequested

from pipeline_specs.deploy import images
from tests.pipeline_specs.typed_commands import INFERENCE, TRAINING, Terminal


def test_a_first_upsert_creates_what_it_can_and_says_what_waits(terminal: Terminal) -> None:
    terminal.types("delete", "abalone")
    lines = terminal.types("upsert", "abalone")
    assert [f"{name}: created" in lines for name in TRAINING] == [True, True]
    assert f"{INFERENCE}: will be created once a version of headrace-abalone is approved" in lines
    for name in TRAINING:
        described = terminal.describe(name)
        assert described["RoleArn"] == terminal.outputs["PipelineRoleArn"]
        tags = terminal.sagemaker.list_tags(ResourceArn=described["PipelineArn"])["Tags"]
        assert {"Key": "project", "Value": "abalone"} in tags
    ledger = Ledger(terminal.outputs["LedgerTableName"], terminal.session.client("dynamodb"))
    project = ledger.project_of("pipeline", TRAINING[0])
    assert project is not None
    assert project.name == "abalone"


def test_a_check_writes_nothing_and_says_what_does_not_fit(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    (line,) = terminal.types("check", "abalone")
    assert line.startswith("abalone: nothing is wrong with project.yaml and stack headrace")
    assert terminal.writes == []
    monkeypatch.setattr(images, "missing", lambda region: iter([f"x is not in {region}"]))
    for typed in (
        ("check", "abalone"),
        ("upsert", "abalone"),
        ("definition", "abalone", "training"),
    ):
        terminal.writes.clear()
        assert "x is not in us-east-1" in terminal.fails(*typed)
        assert terminal.writes == []


def test_the_code_of_every_step_is_where_the_definition_says(
    terminal: Terminal, upserted: list[str]
) -> None:
    definition = json.loads(terminal.describe(TRAINING[0])["PipelineDefinition"])
    s3 = terminal.session.client("s3")
    for step in definition["Steps"]:
        for one in step["Arguments"].get("ProcessingInputs", []):
            if one["InputName"] == "code":
                bucket, key = one["S3Input"]["S3Uri"].removeprefix("s3://").split("/", 1)
                found = s3.list_objects_v2(Bucket=bucket, Prefix=key)["Contents"]
                entry = step["Arguments"]["AppSpecification"]["ContainerEntrypoint"][1]
                assert key + entry.rsplit("/", 1)[1] in {o["Key"] for o in found}


def test_an_upsert_of_what_is_there_writes_nothing(
    terminal: Terminal, upserted: list[str], version: Callable[..., str]
) -> None:
    version("Approved")
    terminal.types("upsert", "abalone")  # with the inference pipeline
    lines = terminal.types("upsert", "abalone")
    assert terminal.writes == []
    assert [line for line in lines if not line.endswith("unchanged")] == []


def test_recipients_are_subscribed_once_to_what_is_theirs(
    terminal: Terminal, upserted: list[str]
) -> None:
    topic = terminal.outputs["AlertsTopicArn"]
    listed = terminal.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    mine = [s for s in listed if s["Endpoint"] == "data-science@example.com"]
    assert len(mine) == 1
    terminal.types("upsert", "abalone")
    again = terminal.sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert len(again) == len(listed)


def test_a_refresh_puts_exactly_that_version_into_the_pipeline(
    terminal: Terminal, upserted: list[str], version: Callable[..., str]
) -> None:
    older, newer = version("Approved"), version("Approved")
    for arn in (newer, older):
        lines = terminal.types("refresh", "abalone", "--model-package-arn", arn)
        assert lines[-1] == f"live: {arn}"
        assert lines[0].startswith("headrace-abalone-model-quality: "), "ready before it is live"
        pipeline = terminal.describe(INFERENCE)
        assert pipeline["PipelineDescription"].endswith(arn)
        model = json.loads(pipeline["PipelineDefinition"])["Steps"][0]["Arguments"]
        environment = model["PrimaryContainer"]["Environment"]
        assert environment["HEADRACE_MODEL_PACKAGE_ARN"] == arn


def test_a_version_that_may_not_go_live_changes_nothing(
    terminal: Terminal, version: Callable[..., str]
) -> None:
    waiting = version("PendingManualApproval")
    error = terminal.fails("refresh", "abalone", "--model-package-arn", waiting)
    assert f"{waiting} may not go live: it is PendingManualApproval, not Approved" in error
    terminal.sagemaker.create_model_package_group(ModelPackageGroupName="whelk")
    foreign = version("Approved", "whelk")
    error = terminal.fails("refresh", "abalone", "--model-package-arn", foreign)
    assert f"{foreign} is of group whelk, not headrace-abalone" in error
    error = terminal.fails("refresh", "abalone", "--model-package-arn", f"{waiting}99")
    assert f"looking up the model package {waiting}99" in error
    assert terminal.writes == []


def test_recreating_deletes_and_creates(terminal: Terminal, upserted: list[str]) -> None:
    before = terminal.describe(TRAINING[0])["CreationTime"]
    lines = terminal.types("upsert", "abalone", "--recreate")
    assert f"{TRAINING[0]}: created" in lines
    assert terminal.describe(TRAINING[0])["CreationTime"] > before


def test_a_delete_leaves_data_and_says_so(terminal: Terminal, upserted: list[str]) -> None:
    bucket = terminal.outputs["DataBucketName"]
    s3 = terminal.session.client("s3")
    s3.put_object(Bucket=bucket, Key="abalone/kept.csv", Body=b"1")
    lines = terminal.types("delete", "abalone")
    assert [f"{name}: deleted" in lines for name in TRAINING] == [True, True]
    assert "data-science@example.com is unsubscribed from abalone" in lines
    assert lines[-1] == f"left: data under s3://{bucket}/abalone/, the audit in the ledger"
    ledger = Ledger(terminal.outputs["LedgerTableName"], terminal.session.client("dynamodb"))
    assert (ledger.project_of("pipeline", TRAINING[0]), list(ledger.projects())) == (None, [])
    assert s3.head_object(Bucket=bucket, Key="abalone/kept.csv")
    again = terminal.types("delete", "abalone", "--with-data")
    assert f"{TRAINING[0]}: was not there" in again
    assert "objects under" in again[-1]
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix="abalone/")


def test_a_delete_takes_the_versions_along(
    terminal: Terminal, upserted: list[str], version: Callable[..., str]
) -> None:
    version("Approved")
    group = {"ModelPackageGroupName": "headrace-abalone"}
    lines = terminal.types("delete", "abalone")
    assert "model package group headrace-abalone with 1 versions: deleted" in lines
    with pytest.raises(ClientError, match="does not exist"):
        terminal.sagemaker.describe_model_package_group(**group)


def test_a_definition_is_printed_and_nothing_is_written(terminal: Terminal) -> None:
    printed = json.loads("\n".join(terminal.types("definition", "abalone", "training-hpo")))
    assert [step["Name"] for step in printed["Steps"]][2] == "Tune"
    assert terminal.writes == []


def test_a_manual_start_asks_the_control_plane_and_names_the_person(terminal: Terminal) -> None:
    (line,) = terminal.types("start", "abalone", "training-hpo")
    assert line.startswith(f"{TRAINING[1]}: run requested")
    sqs = terminal.session.client("sqs")
    (message,) = sqs.receive_message(QueueUrl=terminal.outputs["InboxQueueUrl"])["Messages"]
    event = parse_json(message["Body"])
    assert isinstance(event, RunRequested)
    assert event.pipeline == TRAINING[1]
    assert event.cause.kind == "request"
    assert str(event.cause.actor).startswith("arn:aws:iam::")


def test_a_stack_that_is_not_there_is_named_with_the_next_step(terminal: Terminal) -> None:
    error = terminal.fails("delete", "abalone", "--stack", "nowhere")
    assert "error: no stack named nowhere in us-east-1; run `sam deploy`" in error


def test_a_project_that_is_not_there_is_named(terminal: Terminal) -> None:
    assert "error: no project named whelk" in terminal.fails("upsert", "whelk")


def test_a_missing_region_is_reported(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    said = "error: no region; name one with --region, set AWS_REGION or choose a --profile\n"
    for command in (["delete"], ["upsert"], ["definition", "abalone", "training"]):
        assert terminal.fails(command[0], *(command[1:] or ["abalone"])) == said


def test_the_sdk_has_its_region_from_aws_region_alone(terminal: Terminal) -> None:
    command = "pipelines definition abalone training"
    environment = {name: value for name, value in os.environ.items() if "_REGION" not in name}
    alone = {"AWS_REGION": terminal.session.region_name, "AWS_CONFIG_FILE": "/dev/null"}
    done = subprocess.run(
        [Path(sys.prefix) / "bin" / "headrace", *command.split()],
        env=environment | alone,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert '"Steps"' in done.stdout
