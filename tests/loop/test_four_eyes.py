"""A project that asks for four eyes, with people of its own, in the laptop's one stack."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import boto3
from headrace.adapters.ledger import Ledger
from headrace.domain.project import Project

from demo.loop import Loop
from demo.mailbox import about, mails
from local_cloud.cloud import Cloud
from local_cloud.deploy.users import EVERYTHING, ensure_user
from tests.loop.loop_books import lane
from tests.loop.test_gitlab_trouble import down

INFERENCE, GROUP, PIPELINE = "sturgeon-inference", "headrace-sturgeon", "sturgeon-by-hand"
STRICT = {
    "project": "sturgeon",
    "pipelines": {"inference": INFERENCE},
    "quality": {"metric": "mse", "threshold": 10.0},
    "approval": {"four_eyes": True},
}
NOTHING = {
    "Version": "2020-12-01",
    "Steps": [{"Name": "Nothing", "Type": "Fail", "Arguments": {"ErrorMessage": "on purpose"}}],
}


def sagemaker_of(cloud: Cloud, person: str) -> Any:
    key, secret = ensure_user(cloud.session(), person, EVERYTHING)
    session = boto3.Session(key, secret, region_name=cloud.info["region"])
    return session.client("sagemaker", endpoint_url=cloud.info["endpoint_url"])


def version_of_a_run_by(sagemaker: Any, role: str) -> str:
    """A version that a run of this person registered; nobody else knows the pipeline."""
    sagemaker.create_model_package_group(ModelPackageGroupName=GROUP)
    sagemaker.create_pipeline(
        PipelineName=PIPELINE, PipelineDefinition=json.dumps(NOTHING), RoleArn=role
    )
    run = sagemaker.start_pipeline_execution(PipelineName=PIPELINE)["PipelineExecutionArn"]
    package = sagemaker.create_model_package(
        ModelPackageGroupName=GROUP,
        ModelApprovalStatus="PendingManualApproval",
        CustomerMetadataProperties={"kind": "training", "run": run},
    )
    return str(package["ModelPackageArn"])


def test_who_started_the_run_may_not_approve_and_somebody_else_may(
    loop: Loop, cloud: Cloud
) -> None:
    ledger = Ledger(cloud.info["outputs"]["LedgerTableName"], loop.client("dynamodb"))
    ledger.put_project(Project.parse(STRICT, "project.yaml"))
    ada, bob = sagemaker_of(cloud, "ada"), sagemaker_of(cloud, "bob")
    arn = version_of_a_run_by(ada, cloud.info["outputs"]["PipelineRoleArn"])

    ada.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    folder = Path(cloud.info["mail_dir"])
    (mail,) = loop.wait(
        "the mail", lambda: about(mails(folder), "sturgeon: version 1 needs another person's")
    )
    assert "user/ada started the run that made it" in " ".join(mail.text.split())
    assert "anybody but ada" in mail.text

    def returned() -> dict[str, Any] | None:
        answer: dict[str, Any] = bob.describe_model_package(ModelPackageName=arn)
        return answer if answer["ModelApprovalStatus"] == "PendingManualApproval" else None

    assert "ada started the run" in loop.wait("it to go back", returned)["ApprovalDescription"]

    with down(cloud):  # what CI does of it is another story
        bob.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
        loop.wait("the refresh", lambda: books(ledger)["refresh"].endswith("user/bob"))
        bob.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Rejected")
        loop.wait("its end", lambda: lane(loop, INFERENCE)["rollout"]["wanted"] is None)
    assert books(ledger)["returned-to-pending"].endswith("user/ada")


def books(ledger: Ledger) -> dict[str, str]:
    """Who brought about each outcome, by the audit."""
    entries = ledger.audit("sturgeon")
    found = {line["outcome"]: line["actor"] for one in entries for line in one["decided"]}
    return {"refresh": "", **found}
