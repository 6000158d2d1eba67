"""Registered versions: which may go live, and which one a pipeline is built from."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from headrace.domain.errors import PermanentError

from pipeline_specs.deploy.versions import to_score_with
from tests.pipeline_specs.pipeline_samples import (
    PACKAGE_ARN,
    RUN_OF_PACKAGE,
    described,
    model_package,
)

METADATA = described()["CustomerMetadataProperties"]
GROUP_ARN = PACKAGE_ARN.rsplit("/", 1)[0]


def of_kind(kind: str, **metadata: str) -> dict[str, Any]:
    return {"CustomerMetadataProperties": {**METADATA, "kind": kind, **metadata}}


def test_a_version_says_what_scoring_with_it_needs() -> None:
    package = model_package()
    assert package.may_go_live
    assert package.model_data == f"{RUN_OF_PACKAGE}/models/job/output/model.tar.gz"
    assert package.preprocessor == f"{RUN_OF_PACKAGE}/preprocessor/preprocessor.json"
    assert package.baseline_statistics == f"{RUN_OF_PACKAGE}/data-quality/statistics.json"


@pytest.mark.parametrize(
    ("changes", "why_not"),
    [
        ({"ModelApprovalStatus": "Rejected"}, "it is Rejected"),
        ({"ModelApprovalStatus": "PendingManualApproval"}, "it is PendingManualApproval"),
        (of_kind("training-hpo"), "no review_board_reference"),
        (of_kind("training-hpo", review_board_reference=" "), "no review_board_reference"),
        (of_kind("imported"), "no review_board_reference"),
    ],
)
def test_why_a_version_may_not_go_live_is_reported(changes: Any, why_not: str) -> None:
    package = model_package(**changes)
    assert not package.may_go_live
    assert why_not in package.why_not


def test_a_retuned_version_may_go_live_once_the_board_has_seen_it() -> None:
    assert model_package(**of_kind("training-hpo", review_board_reference="RB-7")).may_go_live


@pytest.mark.parametrize("key", ["preprocessor", "baseline_statistics", "baseline_constraints"])
def test_a_version_that_was_not_registered_by_us_is_named_with_what_it_lacks(key: str) -> None:
    metadata = {name: value for name, value in METADATA.items() if name != key}
    with pytest.raises(PermanentError, match=rf"headrace-abalone/3 has no .*{key}"):
        model_package(CustomerMetadataProperties=metadata)


def test_a_version_of_two_containers_is_refused() -> None:
    container = described()["InferenceSpecification"]["Containers"][0]
    with pytest.raises(PermanentError, match="one container"):
        model_package(InferenceSpecification={"Containers": [container, container]})


def chosen(live: str, approved: list[str], **changes: Any) -> tuple[str | None, list[str]]:
    """The version that is chosen, of the approved ones, and those that were looked at."""
    client = boto3.client(
        "sagemaker",
        region_name="us-east-1",
        aws_access_key_id="nobody",
        aws_secret_access_key="test",
    )
    looked_at: list[str] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        looked_at.append(params["ModelPackageName"])

    client.meta.events.register("provide-client-params.sagemaker.DescribeModelPackage", note)
    order = sorted(approved, key=lambda version: version != live)
    with Stubber(client) as stub:
        listed = [
            {
                "ModelPackageName": "headrace-abalone",
                "ModelPackageArn": f"{GROUP_ARN}/{version}",
                "CreationTime": described()["CreationTime"],
                "ModelPackageStatus": "Completed",
            }
            for version in approved
        ]
        stub.add_response("list_model_packages", {"ModelPackageSummaryList": listed})
        for version in order:
            own = changes.get(f"v{version}", {})
            answer = described(ModelPackageArn=f"{GROUP_ARN}/{version}", **own)
            status = {"ModelPackageStatus": "Completed", "ModelPackageStatusDetails": {}}
            answer |= {"ModelPackageName": "headrace-abalone", **status}
            answer["ModelPackageStatusDetails"] = {"ValidationStatuses": []}
            stub.add_response("describe_model_package", answer)
        package = to_score_with(client, "headrace-abalone", f"{GROUP_ARN}/{live}")
    versions = [arn.rsplit("/", 1)[1] for arn in looked_at]
    return (package.arn.rsplit("/", 1)[1] if package else None), versions


def test_what_is_live_stays_although_a_newer_version_is_approved() -> None:
    assert chosen(live="2", approved=["3", "2", "1"]) == ("2", ["2"])


def test_without_a_live_version_the_newest_approved_one_is_taken() -> None:
    assert chosen(live="", approved=["3", "2"]) == ("3", ["3"])


def test_a_live_version_that_is_not_approved_any_more_is_not_kept() -> None:
    assert chosen(live="9", approved=["3", "2"]) == ("3", ["3"])


def test_a_retuned_version_without_review_is_passed_over() -> None:
    found = chosen(live="", approved=["3", "2"], v3=of_kind("training-hpo"))
    assert found == ("2", ["3", "2"])


def test_no_approved_version_is_not_an_error() -> None:
    assert chosen(live="", approved=[]) == (None, [])
