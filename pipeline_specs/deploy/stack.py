"""A deployed stack: its outputs and the physical ids of its resources."""

from functools import cached_property
from typing import Any

import boto3
from botocore.exceptions import ClientError
from headrace.domain.errors import PermanentError


class Stack:
    """The resources of a CloudFormation stack; `session` says which account and region."""

    def __init__(self, name: str, session: boto3.Session) -> None:
        self.name, self.session = name, session

    @cached_property
    def _described(self) -> dict[str, Any]:
        try:
            stacks = self.session.client("cloudformation").describe_stacks(StackName=self.name)
        except ClientError as error:
            if "does not exist" not in str(error):
                raise  # no right to look, or no valid credentials
            region = self.session.region_name
            raise PermanentError(
                f"no stack named {self.name} in {region}; run `sam deploy`, or name another with "
                "--stack"
            ) from error
        found: dict[str, Any] = stacks["Stacks"][0]
        return found

    @cached_property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs by name."""
        outputs = self._described.get("Outputs", [])
        return {output["OutputKey"]: output["OutputValue"] for output in outputs}

    @property
    def status(self) -> str:
        """What CloudFormation says of the stack's last change, such as UPDATE_COMPLETE."""
        return str(self._described["StackStatus"])

    @cached_property
    def parameters(self) -> dict[str, str]:
        """The parameters that the stack was deployed with."""
        given = self._described.get("Parameters", [])
        return {one["ParameterKey"]: one.get("ParameterValue", "") for one in given}

    @cached_property
    def _resources(self) -> list[dict[str, Any]]:
        pages = self.session.client("cloudformation").get_paginator("list_stack_resources")
        return [
            one
            for page in pages.paginate(StackName=self.name)
            for one in page["StackResourceSummaries"]
        ]

    def resources(self, kind: str) -> dict[str, str]:
        """Return what the stack's resources of a type are called, by their names in the template.

        What was deleted behind CloudFormation's back is still listed.
        """
        return {
            one["LogicalResourceId"]: one["PhysicalResourceId"]
            for one in self._resources
            if one["ResourceType"] == kind and one.get("PhysicalResourceId")
        }

    @property
    def registry_account(self) -> str:
        """The account whose registry holds the versions to score with; empty if it is this one."""
        return self.parameters.get("RegistryAccountId", "")

    def output(self, name: str) -> str:
        """Return an output of the stack."""
        if name not in self.outputs:
            raise PermanentError(
                f"stack {self.name} has no output {name}; deploy this version of it"
            )
        return self.outputs[name]

    def physical_id(self, logical_id: str) -> str:
        """Return the physical id of a resource of the template."""
        try:
            answer: dict[str, Any] = self.session.client("cloudformation").describe_stack_resource(
                StackName=self.name, LogicalResourceId=logical_id
            )
        except ClientError as error:
            raise PermanentError(f"stack {self.name} has no resource {logical_id}") from error
        return str(answer["StackResourceDetail"]["PhysicalResourceId"])
