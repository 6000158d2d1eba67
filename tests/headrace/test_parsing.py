"""Events are read once, and an error names the field."""

import json
from typing import Any

import pytest
from headrace.adapters.eventbridge import parse, parse_json
from headrace.domain.errors import PermanentError
from headrace.domain.events import (
    ModelPackageChanged,
    ObjectCreated,
    RunStatusChanged,
    StepStatusChanged,
)

from tests.headrace.samples import BUCKET, INFERENCE, RUN, payload


def test_an_upload_keeps_its_raw_key_and_version() -> None:
    event = parse(payload("object_created"))
    assert isinstance(event, ObjectCreated)
    assert event.key == "abalone/training/data/raw/heavy shells+1.csv"
    assert event.business_key == f"s3/{BUCKET}/{event.key}/IYV3p45BT0ac8hjHg1houSdS1a.Mro8e"


def test_an_upload_to_an_unversioned_bucket_is_known_by_etag_and_sequencer() -> None:
    envelope = payload("object_created")
    del envelope["detail"]["object"]["version-id"]
    event = parse(envelope)
    assert isinstance(event, ObjectCreated)
    assert event.version_id.startswith("b1946ac92492d2347c6235b4d2611184-")


def test_a_run_is_known_by_its_lower_case_pipeline_and_its_arn() -> None:
    event = parse(payload("run_status"))
    assert isinstance(event, RunStatusChanged)
    assert (event.pipeline, event.execution_arn, event.status) == (INFERENCE, RUN, "Failed")
    assert event.display_name == "upload-20261102-081533-0123456789"


def test_the_same_change_under_another_event_id_has_the_same_business_key() -> None:
    first, second = payload("step_status"), payload("step_status")
    second["id"] = "another"
    second["time"] = "2026-11-02T09:00:00Z"
    one, two = parse(first), parse(second)
    assert isinstance(one, StepStatusChanged)
    assert isinstance(two, StepStatusChanged)
    assert one.business_key == two.business_key


def test_a_model_package_event_is_only_a_hint_where_to_look() -> None:
    event = parse(payload("model_package"))
    assert isinstance(event, ModelPackageChanged)
    assert not event.edited
    assert event.arn.endswith("model-package/headrace-abalone/2")
    assert event.group == "headrace-abalone"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda e: e["detail"].pop("pipelineArn"), "event.detail.pipelineArn should be a string"),
        (lambda e: e.pop("detail"), "event.detail should be an object"),
        (lambda e: e.update(time="yesterday"), "event.time is not a time"),
        (lambda e: e.update(time=7), "event.time should be a string, but is int"),
        (lambda e: e.update({"detail-type": "Weather"}), "unsupported event 'Weather'"),
        (lambda e: e["detail"].update(stepName=["x"]), "event.detail.stepName should be a string"),
    ],
)
def test_a_bad_event_names_the_field(change: Any, says: str) -> None:
    envelope = payload("step_status")
    change(envelope)
    with pytest.raises(PermanentError, match=says.replace(".", r"\.")):
        parse(envelope)


def test_a_message_that_is_no_json_says_so() -> None:
    with pytest.raises(PermanentError, match="not JSON"):
        parse_json("{")
    with pytest.raises(PermanentError, match="event should be an object, not list"):
        parse_json(json.dumps([1]))


@pytest.mark.parametrize(
    ("updated", "edited"),
    [
        ({"CustomerMetadataProperties": {"note": "x"}}, True),
        ({"ModelApprovalStatus": "Approved", "ApprovalDescription": "good"}, False),
        ({}, False),
        (None, False),
        ("ModelApprovalStatus", False),
    ],
)
def test_an_edit_is_an_update_of_other_fields_than_the_approval(
    updated: object, edited: bool
) -> None:
    envelope = payload("model_package")
    envelope["detail"]["UpdatedModelPackageFields"] = updated
    event = parse(envelope)
    assert isinstance(event, ModelPackageChanged)
    assert event.edited is edited
