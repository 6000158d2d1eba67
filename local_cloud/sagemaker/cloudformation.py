"""AWS::SageMaker::ModelPackageGroup and AWS::SageMaker::Pipeline for MiniStack's CloudFormation.

For both: the values of `Ref` and `Fn::GetAtt`, and which updates need a replacement.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from local_cloud.sagemaker.core.errors import ApiError
from local_cloud.sagemaker.service import Service

Properties = dict[str, Any]
Provisioned = tuple[str, dict[str, Any]]
GROUP, PIPELINE = "AWS::SageMaker::ModelPackageGroup", "AWS::SageMaker::Pipeline"
# Properties whose change needs a new resource, which a resource with a name of its own cannot be.
REPLACING = {
    GROUP: ("ModelPackageGroupName", ("ModelPackageGroupDescription",)),
    PIPELINE: ("PipelineName", ()),
}
TAG_PROPERTY = {GROUP: ("Tags", "list"), PIPELINE: ("Tags", "list")}


def handlers(service: Service) -> dict[str, dict[str, Callable[..., Any]]]:
    """The handlers that CloudFormation calls, by type."""
    group, pipeline = _Group(service), _Pipeline(service)
    return {
        GROUP: {"create": group.create, "update": group.update, "delete": group.delete},
        PIPELINE: {
            "create": pipeline.create,
            "update": pipeline.update,
            "delete": pipeline.delete,
        },
    }


class _Resource:
    def __init__(self, service: Service) -> None:
        self._service = service

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Call SageMaker; a refusal becomes the reason in the stack's events."""
        try:
            return self._service.run(operation, request)
        except ApiError as error:
            raise ValueError(
                f'Resource handler returned message: "{error.message}" '
                f"(Service: SageMaker, Status Code: {error.status}, {error.code})"
            ) from error

    def retag(self, arn: str, old: Properties, new: Properties) -> None:
        """Set the tags of the new properties."""
        before = {tag["Key"]: tag["Value"] for tag in _tags(old)}
        after = {tag["Key"]: tag["Value"] for tag in _tags(new)}
        gone = sorted(before.keys() - after.keys())
        if gone:
            self.call("DeleteTags", {"ResourceArn": arn, "TagKeys": gone})
        if after and after != before:
            self.call("AddTags", {"ResourceArn": arn, "Tags": _tags(new)})


class _Group(_Resource):
    """A model package group; its physical id is its ARN."""

    def create(self, logical_id: str, properties: Properties, _stack: str) -> Provisioned:
        """Create the group and, if there is one, its policy."""
        _require(logical_id, properties, "ModelPackageGroupName")
        name = properties["ModelPackageGroupName"]
        request = {
            key: properties[key]
            for key in ("ModelPackageGroupName", "ModelPackageGroupDescription")
            if key in properties
        }
        self.call("CreateModelPackageGroup", request | {"Tags": _tags(properties)})
        self._set_policy(name, {}, properties)
        return self._provisioned(name)

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack: str, *_: Any
    ) -> Provisioned:
        """Change the policy and the tags; under a new name it is a new group."""
        name = new.get("ModelPackageGroupName")
        if name != old.get("ModelPackageGroupName"):
            return self.create("ModelPackageGroup", new, stack)
        self._set_policy(str(name), old, new)
        self.retag(physical_id, old, new)
        return self._provisioned(str(name))

    def delete(self, physical_id: str, _properties: Properties) -> None:
        """Delete the group; it must hold no version."""
        if _exists(
            self._service, "DescribeModelPackageGroup", "ModelPackageGroupName", physical_id
        ):
            self.call("DeleteModelPackageGroup", {"ModelPackageGroupName": physical_id})

    def _set_policy(self, name: str, old: Properties, new: Properties) -> None:
        policy = new.get("ModelPackageGroupPolicy")
        if policy is not None:
            text = policy if isinstance(policy, str) else json.dumps(policy)
            request = {"ModelPackageGroupName": name, "ResourcePolicy": text}
            self.call("PutModelPackageGroupPolicy", request)
        elif "ModelPackageGroupPolicy" in old:
            self.call("DeleteModelPackageGroupPolicy", {"ModelPackageGroupName": name})

    def _provisioned(self, name: str) -> Provisioned:
        group = self.call("DescribeModelPackageGroup", {"ModelPackageGroupName": name})
        arn = group["ModelPackageGroupArn"]
        return arn, {
            "ModelPackageGroupArn": arn,
            "ModelPackageGroupStatus": group["ModelPackageGroupStatus"],
            "CreationTime": group["CreationTime"].isoformat(),
        }


class _Pipeline(_Resource):
    """A pipeline; its physical id is its name."""

    def create(self, logical_id: str, properties: Properties, _stack: str) -> Provisioned:
        """Create the pipeline from a definition in the template or in S3."""
        _require(logical_id, properties, "PipelineName", "PipelineDefinition", "RoleArn")
        self.call("CreatePipeline", _pipeline_request(properties) | {"Tags": _tags(properties)})
        return properties["PipelineName"], {}

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack: str, *_: Any
    ) -> Provisioned:
        """Update the pipeline; under a new name it is a new one."""
        if new.get("PipelineName") != old.get("PipelineName"):
            return self.create("Pipeline", new, stack)
        arn = self.call("UpdatePipeline", _pipeline_request(new))["PipelineArn"]
        self.retag(arn, old, new)
        return physical_id, {}

    def delete(self, physical_id: str, _properties: Properties) -> None:
        """Delete the pipeline; it must not be running."""
        if _exists(self._service, "DescribePipeline", "PipelineName", physical_id):
            self.call("DeletePipeline", {"PipelineName": physical_id})


def _pipeline_request(properties: Properties) -> dict[str, Any]:
    names = (
        "PipelineName",
        "PipelineDisplayName",
        "PipelineDescription",
        "RoleArn",
        "ParallelismConfiguration",
    )
    request = {name: properties[name] for name in names if name in properties}
    source = properties["PipelineDefinition"]
    if "PipelineDefinitionBody" in source:
        body = source["PipelineDefinitionBody"]
        request["PipelineDefinition"] = body if isinstance(body, str) else json.dumps(body)
        return request
    location = source.get("PipelineDefinitionS3Location", source)
    request["PipelineDefinitionS3Location"] = {
        "Bucket": location["Bucket"],
        "ObjectKey": location["Key"],
        **({"VersionId": location["Version"]} if "Version" in location else {}),
    }
    return request


def _tags(properties: Properties) -> list[dict[str, str]]:
    return [
        {"Key": str(tag["Key"]), "Value": str(tag["Value"])} for tag in properties.get("Tags", [])
    ]


def _require(logical_id: str, properties: Properties, *names: str) -> None:
    lacking = [name for name in names if not properties.get(name)]
    if lacking:
        raise ValueError(f"{logical_id}: the properties {lacking} are required")


def _exists(service: Service, operation: str, member: str, name: str) -> bool:
    try:
        service.run(operation, {member: name})
    except ApiError as error:
        if error.code in ("ResourceNotFound", "ValidationException"):
            return False  # deleted manually: CloudFormation continues
        raise
    return True
