"""`python -m pipeline_specs` against a laptop cloud."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from headrace.errors import PermanentError
from headrace.events import RunRequested
from headrace.ledger import Ledger
from headrace.parsing import parse_json
from pipeline_samples import described

from local_cloud.cloud import Cloud
from pipeline_specs import __main__ as command_line
from pipeline_specs import settings
from pipeline_specs.account import Account
from pipeline_specs.schedules import Schedule
from pipeline_specs.settings import Settings
from pipeline_specs.stack import Stack

READS = ("Describe", "List", "Get", "Head")
TRAINING = ("headrace-abalone-training", "headrace-abalone-training-hpo")
INFERENCE = "headrace-abalone-inference"


class Terminal:
    """What somebody types, and what comes of it: lines, an exit code, calls that write."""

    def __init__(self, cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
        self.outputs: dict[str, str] = cloud.info["outputs"]
        self._capsys = capsys
        self.writes: list[str] = []
        self.session = cloud.session()
        self.sagemaker = self.session.client("sagemaker")
        self.sns = self.session.client("sns")

    def note(self, model: Any, **_: Any) -> None:
        if not model.name.startswith(READS):
            self.writes.append(model.name)

    def types(self, *arguments: str) -> list[str]:
        self.writes.clear()
        code = command_line.main(arguments)
        shown = self._capsys.readouterr()
        assert code == 0, shown.err
        return shown.out.splitlines()

    def fails(self, *arguments: str) -> str:
        assert command_line.main(arguments) == 1
        return self._capsys.readouterr().err

    def describe(self, pipeline: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.sagemaker.describe_pipeline(PipelineName=pipeline)
        return answer


@pytest.fixture
def terminal(
    cloud: Cloud,
    builders: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Terminal:
    terminal = Terminal(cloud, capsys)

    class Watched(boto3.Session):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.events.register("before-call.*.*", terminal.note)

    access = {
        "AWS_ENDPOINT_URL": cloud.info["endpoint_url"],
        "AWS_DEFAULT_REGION": cloud.info["region"],
        "AWS_ACCESS_KEY_ID": cloud.info["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": cloud.info["secret_access_key"],
    }
    for name, value in access.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "Session", Watched)
    return terminal


@pytest.fixture
def upserted(terminal: Terminal) -> list[str]:
    return terminal.types("upsert", "abalone")


@pytest.fixture
def version(terminal: Terminal) -> Iterator[Callable[..., str]]:
    """Register a version in the group; it is gone after the test."""
    arns: list[str] = []

    def register(approval: str, group: str = "headrace-abalone") -> str:
        sample = described()
        answer = terminal.sagemaker.create_model_package(
            ModelPackageGroupName=group,
            ModelApprovalStatus=approval,
            CustomerMetadataProperties=sample["CustomerMetadataProperties"],
            InferenceSpecification={
                **sample["InferenceSpecification"],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
        )
        arns.append(answer["ModelPackageArn"])
        return arns[-1]

    yield register
    for arn in arns:
        terminal.sagemaker.delete_model_package(ModelPackageName=arn)


def test_a_first_upsert_creates_what_it_can_and_says_what_waits(terminal: Terminal) -> None:
    terminal.types("delete", "abalone")
    lines = terminal.types("upsert", "abalone")
    assert [f"{name}: created" in lines for name in TRAINING] == [True, True]
    assert f"{INFERENCE}: waits for an approved version of headrace-abalone" in lines
    for name in TRAINING:
        described = terminal.describe(name)
        assert described["RoleArn"] == terminal.outputs["PipelineRoleArn"]
        tags = terminal.sagemaker.list_tags(ResourceArn=described["PipelineArn"])["Tags"]
        assert {"Key": "project", "Value": "abalone"} in tags
    ledger = Ledger(terminal.outputs["LedgerTableName"], terminal.session.client("dynamodb"))
    project = ledger.project_of("pipeline", TRAINING[0])
    assert project is not None
    assert project.name == "abalone"


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


def test_a_changed_setting_updates_exactly_what_it_shapes(
    terminal: Terminal, upserted: list[str], abalone: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    deeper = dataclasses.replace(abalone, tuning=dataclasses.replace(abalone.tuning, max_jobs=6))
    source = settings.load("abalone")[1]
    monkeypatch.setattr(settings, "load", lambda project: (deeper, source))
    lines = terminal.types("upsert", "abalone")
    assert lines[:2] == [f"{TRAINING[0]}: unchanged", f"{TRAINING[1]}: updated"]
    assert terminal.writes == ["UpdatePipeline"]


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


def test_a_group_for_the_versions_is_made_once_with_the_projects_tags(
    terminal: Terminal, abalone: Settings
) -> None:
    project = dataclasses.replace(abalone.project, model_package_group="clams")
    changed = dataclasses.replace(abalone, project=project)
    account = Account(Stack("headrace", boto3.Session()), boto3.Session())
    assert [account.put_group(changed), account.put_group(changed)] == [True, False]
    group = terminal.sagemaker.describe_model_package_group(ModelPackageGroupName="clams")
    tags = terminal.sagemaker.list_tags(ResourceArn=group["ModelPackageGroupArn"])["Tags"]
    assert tags == [{"Key": "project", "Value": "abalone"}]


def test_steps_side_by_side_are_limited_where_the_project_says_so(
    terminal: Terminal, upserted: list[str], abalone: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = settings.load("abalone")[1]
    narrow = dataclasses.replace(abalone, max_parallel_steps=2)
    monkeypatch.setattr(settings, "load", lambda project: (narrow, source))
    assert f"{TRAINING[0]}: updated" in terminal.types("upsert", "abalone")
    assert f"{TRAINING[0]}: unchanged" in terminal.types("upsert", "abalone")
    limit = terminal.describe(TRAINING[0])["ParallelismConfiguration"]
    assert limit == {"MaxParallelExecutionSteps": 2}


def test_schedules_come_and_go_with_the_settings(
    terminal: Terminal, upserted: list[str], abalone: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = settings.load("abalone")[1]
    daily = dataclasses.replace(abalone, schedules=(Schedule("inference", "rate(1 day)"),))
    monkeypatch.setattr(settings, "load", lambda project: (daily, source))
    rule = "headrace-schedule-abalone-inference"
    assert terminal.types("upsert", "abalone")[-1] == f"{rule}: created, rate(1 day)"
    terminal.types("upsert", "abalone")
    assert terminal.writes == []
    assert f"{rule}: deleted" in terminal.types("delete", "abalone")


def test_a_project_may_have_its_pipelines_made_anew_each_time(
    terminal: Terminal, upserted: list[str], abalone: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = settings.load("abalone")[1]
    anew = dataclasses.replace(abalone, recreate_pipelines=True)
    monkeypatch.setattr(settings, "load", lambda project: (anew, source))
    lines = terminal.types("upsert", "abalone")
    assert [f"{name}: created" in lines for name in TRAINING] == [True, True]


def test_recreating_deletes_and_creates(terminal: Terminal, upserted: list[str]) -> None:
    before = terminal.describe(TRAINING[0])["CreationTime"]
    lines = terminal.types("upsert", "abalone", "--recreate")
    assert f"{TRAINING[0]}: created" in lines
    assert terminal.describe(TRAINING[0])["CreationTime"] > before


def test_a_delete_says_what_it_leaves(terminal: Terminal, upserted: list[str]) -> None:
    lines = terminal.types("delete", "abalone")
    assert [f"{name}: deleted" in lines for name in TRAINING] == [True, True]
    assert lines[-1].startswith(f"left: data under s3://{terminal.outputs['DataBucketName']}/")
    assert f"{TRAINING[0]}: was not there" in terminal.types("delete", "abalone")


def test_a_definition_is_printed_and_nothing_is_written(terminal: Terminal) -> None:
    printed = json.loads("\n".join(terminal.types("definition", "abalone", "training-hpo")))
    assert [step["Name"] for step in printed["Steps"]][2] == "Tune"
    assert terminal.writes == []


def test_a_start_by_hand_asks_the_control_plane_and_says_who_asked(terminal: Terminal) -> None:
    (line,) = terminal.types("start", "abalone", "training-hpo")
    assert line.startswith(f"{TRAINING[1]}: a run is asked for")
    sqs = terminal.session.client("sqs")
    (message,) = sqs.receive_message(QueueUrl=terminal.outputs["InboxQueueUrl"])["Messages"]
    event = parse_json(message["Body"])
    assert isinstance(event, RunRequested)
    assert event.pipeline == TRAINING[1]
    assert event.cause.startswith("by hand, arn:aws:iam::")


def test_a_stack_that_is_not_there_is_named_with_the_next_step(terminal: Terminal) -> None:
    error = terminal.fails("delete", "abalone", "--stack", "nowhere")
    assert "error: no stack named nowhere in us-east-1; run `sam deploy`" in error


def test_a_project_that_is_not_there_is_named(terminal: Terminal) -> None:
    assert "error: no project named whelk" in terminal.fails("upsert", "whelk")


def test_a_missing_region_is_said(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    assert "error: no region; set AWS_DEFAULT_REGION" in terminal.fails("delete", "abalone")


def test_settings_that_belong_to_another_project_are_refused(
    terminal: Terminal, upserted: list[str], abalone: Settings
) -> None:
    ledger = Ledger(terminal.outputs["LedgerTableName"], terminal.session.client("dynamodb"))
    other = dataclasses.replace(abalone.project, name="whelk")
    with pytest.raises(PermanentError, match="belongs to another project already"):
        ledger.put_project(other)
