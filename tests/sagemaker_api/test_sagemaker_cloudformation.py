"""Groups and pipelines as resources of a stack."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sagemaker_api.sagemaker_cloud import ROLE, Cloud, definition

Deployed = tuple[str, dict[str, str], str]
Deploy = Callable[..., Deployed]


@pytest.fixture
def deploy(cloud: Cloud, name: str) -> Deploy:
    """Create or update the test's stack; its status and outputs, or why it failed."""
    stacks = cloud.client("cloudformation")

    def settled() -> Deployed:
        while True:
            [stack] = stacks.describe_stacks(StackName=name)["Stacks"]
            if not stack["StackStatus"].endswith("IN_PROGRESS"):
                break
            time.sleep(0.05)
        events = stacks.describe_stack_events(StackName=name)["StackEvents"]
        reasons = " ".join(event.get("ResourceStatusReason", "") for event in events)
        outputs = {row["OutputKey"]: row["OutputValue"] for row in stack.get("Outputs", [])}
        return stack["StackStatus"], outputs, reasons

    def run(resources: dict[str, Any], change: str = "create_stack") -> Deployed:
        outputs = {f"{key}Ref": {"Value": {"Ref": key}} for key in resources}
        template = json.dumps({"Resources": resources, "Outputs": outputs})
        getattr(stacks, change)(
            StackName=name, TemplateBody=template, Tags=[{"Key": "stack", "Value": "yes"}]
        )
        return settled()

    return run


def group(name: str, **more: Any) -> dict[str, Any]:
    properties = {"ModelPackageGroupName": name, "ModelPackageGroupDescription": "d", **more}
    return {"Group": {"Type": "AWS::SageMaker::ModelPackageGroup", "Properties": properties}}


def pipeline(name: str, text: str, **more: Any) -> dict[str, Any]:
    properties = {
        "PipelineName": name,
        "PipelineDefinition": {"PipelineDefinitionBody": text},
        "RoleArn": ROLE,
        **more,
    }
    return {"Pipeline": {"Type": "AWS::SageMaker::Pipeline", "Properties": properties}}


def test_a_group_is_created_changed_and_deleted_with_its_stack(
    cloud: Cloud, sagemaker: Any, name: str, deploy: Deploy
) -> None:
    policy = {"Version": "2012-10-17", "Statement": []}
    tags = [{"Key": "team", "Value": "blue"}]
    made = group(name, ModelPackageGroupPolicy=policy, Tags=tags)
    status, outputs, _ = deploy(made)
    arn = f"arn:aws:sagemaker:us-east-1:000000000000:model-package-group/{name}"
    assert (status, outputs) == ("CREATE_COMPLETE", {"GroupRef": arn})
    kept = sagemaker.get_model_package_group_policy(ModelPackageGroupName=name)
    assert json.loads(kept["ResourcePolicy"]) == policy
    found = {tag["Key"]: tag["Value"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}
    assert found["team"] == "blue"
    assert found["stack"] == "yes"
    assert found["aws:cloudformation:logical-id"] == "Group"

    status, _, reasons = deploy(group(name, Tags=[]), "update_stack")
    assert status == "UPDATE_COMPLETE", reasons
    assert "team" not in {tag["Key"] for tag in sagemaker.list_tags(ResourceArn=arn)["Tags"]}
    with pytest.raises(ClientError, match="Cannot find resource policy"):
        sagemaker.get_model_package_group_policy(ModelPackageGroupName=name)

    cloud.client("cloudformation").delete_stack(StackName=name)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if not sagemaker.list_model_package_groups(NameContains=name)[
            "ModelPackageGroupSummaryList"
        ]:
            return
        time.sleep(0.05)
    raise AssertionError("the group is still there")


def test_a_group_of_a_taken_name_fails_the_stack(sagemaker: Any, name: str, deploy: Deploy) -> None:
    sagemaker.create_model_package_group(ModelPackageGroupName=name)
    status, _, reasons = deploy(group(name))
    assert status == "ROLLBACK_COMPLETE"
    assert "Model Package Group already exists" in reasons
    assert sagemaker.describe_model_package_group(ModelPackageGroupName=name)


def test_a_pipeline_is_created_and_updated_in_place(
    sagemaker: Any, name: str, deploy: Deploy
) -> None:
    status, outputs, reasons = deploy(pipeline(name, definition()))
    assert (status, outputs) == ("CREATE_COMPLETE", {"PipelineRef": name}), reasons
    new = definition({"Name": "New", "Type": "Fail", "Arguments": {}})
    status, _, reasons = deploy(pipeline(name, new), "update_stack")
    assert status == "UPDATE_COMPLETE", reasons
    assert sagemaker.describe_pipeline(PipelineName=name)["PipelineDefinition"] == new


def test_a_pipeline_with_a_bad_definition_fails_the_stack(name: str, deploy: Deploy) -> None:
    status, _, reasons = deploy(pipeline(name, "{"))
    assert status == "ROLLBACK_COMPLETE"
    assert "Unable to parse pipeline definition" in reasons
