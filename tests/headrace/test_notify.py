"""Which messages an event is worth."""

import json
from dataclasses import replace
from typing import get_args

import pytest
from headrace.adapters import client as aws
from headrace.adapters.ledger import Ledger
from headrace.adapters.sagemaker import Execution, SageMaker
from headrace.domain.events import Event, RunStatusChanged, StepStatusChanged
from headrace.domain.message import KINDS
from headrace.domain.project import CustomMessage as ProjectsOwn
from headrace.domain.project import Project
from headrace.use_cases.notify import DATA_QUALITY_STEP, messages_for
from pydantic import ValidationError

from pipeline_specs.config.recipients import CustomMessage, Status
from tests.headrace import handed_in
from tests.headrace.samples import INFERENCE, NOW, RUN

BUCKET = "headrace-databucket-tell"
REPORT = "abalone/runs/9v2kq0x4w7ab/data-quality/constraint_violations.json"
ENDED = RunStatusChanged(INFERENCE, RUN, "Failed", "upload-1", NOW)
SAGEMAKER = SageMaker(None)
CHECKED = StepStatusChanged(INFERENCE, RUN, DATA_QUALITY_STEP, "Succeeded", "", NOW)


@pytest.fixture
def reported(ledger: Ledger, project: Project, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """A ledger, and a run of its project that failed after it found violations."""
    ledger.put_project(project)
    monkeypatch.setattr(SAGEMAKER, "failed_steps", lambda arn: [("ModelQuality", "", "crashed")])
    run = Execution(RUN, "Failed", "upload-1", NOW - 60, "upload of 1 file: a.csv")
    monkeypatch.setattr(SAGEMAKER, "describe", lambda arn: run)
    violations = [{"feature_name": "sex", "description": "is unlike"}]
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    body = json.dumps({"violations": violations}).encode()
    s3.put_object(Bucket=BUCKET, Key=REPORT, Body=body)
    return ledger


def told(ledger: Ledger, event: Event) -> dict[str, str]:
    found = messages_for(ledger, handed_in.bucket(BUCKET), SAGEMAKER, event)
    return {key: message.kind for key, message in found}


def test_the_end_of_a_run_reports_violations_whose_event_was_lost(reported: Ledger) -> None:
    at_the_step, at_the_end = told(reported, CHECKED), told(reported, ENDED)
    assert list(at_the_step.values()) == ["data-quality"]
    assert at_the_step.items() < at_the_end.items(), "under the same key, so that it is told once"


@pytest.mark.parametrize("step", ["", "Train"])
@pytest.mark.parametrize("status", get_args(Status))
def test_a_text_of_ones_own_is_sent_for_every_status_that_settings_take(
    reported: Ledger, project: Project, step: str, status: str
) -> None:
    custom = {"pipeline": INFERENCE, "step": step, "status": status, "message": "Our own words."}
    if (step, status) == ("", "Starting"):
        with pytest.raises(ValidationError, match="for a step only"):
            CustomMessage.model_validate(custom)
        return
    CustomMessage.model_validate(custom)
    reported.put_project(replace(project, custom_messages=(ProjectsOwn(**custom),)))
    event = (
        StepStatusChanged(INFERENCE, RUN, step, status, "", NOW)
        if step
        else RunStatusChanged(INFERENCE, RUN, status, "upload-1", NOW)
    )
    found = messages_for(reported, handed_in.bucket(BUCKET), SAGEMAKER, event)
    (sent,) = [message for key, message in found if key == event.business_key]
    assert sent.text.startswith("Our own words.\n")
    assert sent.kind in KINDS["runs"]


def test_a_run_that_only_missed_its_threshold_is_reported_as_such(
    reported: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = json.dumps({"metric": "mse", "value": 16, "threshold": 10, "passed": False, "rows": 12})
    steps = [("ModelQuality", "", said)]
    monkeypatch.setattr(SAGEMAKER, "failed_steps", lambda arn: steps)
    assert "threshold-missed" in told(reported, ENDED).values()
    steps.append(("Join", "ClientError", ""))
    assert "run-failed" in told(reported, ENDED).values()


def test_a_step_that_failed_for_a_quota_names_the_command_that_asks_for_more(
    reported: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = (
        "ClientError: Failed to invoke sagemaker:CreateTrainingJob. Error Details: The account-"
        "level service limit 'ml.m5.xlarge for training job usage' is 0 Instances, with current "
        "utilization of 0 Instances and a request delta of 2 Instances."
    )
    monkeypatch.setattr(SAGEMAKER, "failed_steps", lambda arn: [("Train", said, "")])
    found = dict(messages_for(reported, handed_in.bucket(BUCKET), SAGEMAKER, ENDED))
    text = found[ENDED.business_key].text
    assert "aws service-quotas request-service-quota-increase --service-code sagemaker" in text
    assert "--desired-value 2" in text
    assert "QuotaName=='ml.m5.xlarge for training job usage'" in text


def test_an_end_that_nobody_knew_is_told_as_a_failure_with_its_own_name(reported: Ledger) -> None:
    """botocore 1.44.8 has PipelineExecutionStatus CompletedWithFailures."""
    event = ENDED._replace(status="CompletedWithFailures")
    found = dict(messages_for(reported, handed_in.bucket(BUCKET), SAGEMAKER, event))
    message = found[event.business_key]
    assert message.kind == "run-failed"
    assert f"{INFERENCE} ended as CompletedWithFailures" in message.subject
    assert "Step ModelQuality failed: crashed" in message.text


def test_a_run_that_was_deleted_is_told_without_its_steps(
    reported: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SAGEMAKER, "failed_steps", lambda arn: [])
    monkeypatch.setattr(SAGEMAKER, "describe", lambda arn: None)
    event = ENDED._replace(status="Deleted")
    found = dict(messages_for(reported, handed_in.bucket(BUCKET), SAGEMAKER, event))
    message = found[event.business_key]
    assert message.kind == "run-failed"
    assert message.subject.endswith(f"{INFERENCE} was deleted")
    assert "list-pipeline-execution-steps" not in message.text


def test_a_running_run_or_one_without_violations_reports_none(reported: Ledger) -> None:
    assert told(reported, RunStatusChanged(INFERENCE, RUN, "Executing", "upload-1", NOW)) == {}
    aws.client("s3").delete_object(Bucket=BUCKET, Key=REPORT)
    assert "data-quality" not in told(reported, ENDED).values()
    assert told(reported, CHECKED) == {}
