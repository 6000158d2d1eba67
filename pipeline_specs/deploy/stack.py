"""A deployed stack, by its name: what its resources are called."""

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
        described: dict[str, Any] = stacks["Stacks"][0]
        return described

    @property
    def outputs(self) -> dict[str, str]:
        """The stack's outputs by name."""
        outputs = self._described.get("Outputs", [])
        return {output["OutputKey"]: output["OutputValue"] for output in outputs}

    @property
    def registry_account(self) -> str:
        """The account whose registry holds the versions to score with; empty if it is this one."""
        parameters = self._described.get("Parameters", [])
        values = {one["ParameterKey"]: one["ParameterValue"] for one in parameters}
        return str(values.get("RegistryAccountId", ""))

    def output(self, name: str) -> str:
        """Return an output of the stack."""
        if name not in self.outputs:
            raise PermanentError(
                f"stack {self.name} has no output {name}; deploy this version of it"
            )
        return self.outputs[name]

    def physical_id(self, logical_id: str) -> str:
        """Return what a resource of the template is called in the account."""
        try:
            answer: dict[str, Any] = self.session.client("cloudformation").describe_stack_resource(
                StackName=self.name, LogicalResourceId=logical_id
            )
        except ClientError as error:
            raise PermanentError(f"stack {self.name} has no resource {logical_id}") from error
        return str(answer["StackResourceDetail"]["PhysicalResourceId"])
