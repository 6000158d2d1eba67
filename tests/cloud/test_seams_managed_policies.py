"""AWS's managed policies grant what AWS's do in the services used here; no others exist."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_cloud.deploy import users
from local_cloud.deploy.build import Builder, Toolchain
from local_cloud.deploy.stack import DeployError, Deployment
from tests.cloud.cloud_sample import Sample

ACCOUNT = "000000000000"
AWS = "arn:aws:iam::aws:policy/"
PIPELINE = {
    "Version": "2020-12-01",
    "Steps": [{"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "on purpose"}}],
}


def session(sample: Sample, policy: str) -> users.EndpointSession:
    """A session of a user who has nothing but this managed policy of AWS."""
    name, iam = f"managed-{uuid.uuid4().hex[:6]}", sample.client("iam")
    iam.create_user(UserName=name)
    iam.attach_user_policy(UserName=name, PolicyArn=f"{AWS}{policy}")
    key = iam.create_access_key(UserName=name)["AccessKey"]
    endpoint = sample.cloud.info["endpoint_url"]
    return users.EndpointSession(endpoint, key["AccessKeyId"], key["SecretAccessKey"])


def pipeline(user: users.EndpointSession) -> None:
    """Create a pipeline and delete it, so that other tests find none."""
    sagemaker, name = user.client("sagemaker"), f"managed-{uuid.uuid4().hex[:6]}"
    sagemaker.create_pipeline(
        PipelineName=name,
        PipelineDefinition=json.dumps(PIPELINE),
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/anything",
        ClientRequestToken=uuid.uuid4().hex,
    )
    sagemaker.delete_pipeline(PipelineName=name, ClientRequestToken=uuid.uuid4().hex)


def object_in(bucket: str) -> Callable[[users.EndpointSession], Any]:
    return lambda user: user.client("s3").put_object(Bucket=bucket, Key="a", Body=b"1")


def log_group(user: users.EndpointSession) -> Any:
    name = f"managed-{uuid.uuid4().hex[:6]}"
    return user.client("logs").create_log_group(logGroupName=name)


def topic(user: users.EndpointSession) -> Any:
    return user.client("sns").create_topic(Name=f"managed-{uuid.uuid4().hex[:6]}")


def buckets(user: users.EndpointSession) -> Any:
    return user.client("s3").list_buckets()


def pipelines(user: users.EndpointSession) -> Any:
    return user.client("sagemaker").list_pipelines()


def roles(user: users.EndpointSession) -> Any:
    return user.client("iam").list_roles()


def role(user: users.EndpointSession) -> Any:
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    return user.client("iam").create_role(
        RoleName=f"managed-{uuid.uuid4().hex[:6]}",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )


SAGEMAKERS, OTHER = "managed-sagemaker-data", "managed-other-data"
GRANTS: dict[str, tuple[tuple[Callable[..., Any], ...], tuple[Callable[..., Any], ...]]] = {
    "service-role/AWSLambdaBasicExecutionRole": ((log_group,), (buckets, pipelines)),
    "AmazonSageMakerFullAccess": (
        (pipeline, pipelines, buckets, object_in(SAGEMAKERS), log_group, roles),
        (object_in(OTHER), role, topic),
    ),
    "AmazonS3ReadOnlyAccess": ((buckets,), (object_in(OTHER), pipelines)),
    "AmazonS3FullAccess": ((buckets, object_in(OTHER)), (pipelines, topic)),
    "AdministratorAccess": ((object_in(OTHER), pipeline, role, topic), ()),
    "PowerUserAccess": ((object_in(OTHER), topic, roles, pipelines), (role, pipeline)),
    "ReadOnlyAccess": ((buckets, pipelines, roles), (object_in(OTHER), topic, role, pipeline)),
}


@pytest.mark.parametrize("policy", GRANTS)
def test_a_managed_policy_of_aws_grants_what_it_grants_there(sample: Sample, policy: str) -> None:
    for bucket in (SAGEMAKERS, OTHER):
        sample.client("s3").create_bucket(Bucket=bucket)
    user, (granted, denied) = session(sample, policy), GRANTS[policy]
    for call in granted:
        call(user)
    for call in denied:
        with pytest.raises(ClientError, match=r"AccessDenied|not authorized"):
            call(user)


@pytest.mark.parametrize("arn", [f"{AWS}AdminstratorAccess", f"arn:aws:iam::{ACCOUNT}:policy/no"])
def test_a_policy_that_does_not_exist_is_not_attached(sample: Sample, arn: str) -> None:
    iam, name = sample.client("iam"), f"managed-{uuid.uuid4().hex[:6]}"
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    iam.create_user(UserName=name)
    iam.create_group(GroupName=name)
    attaches: tuple[Callable[[], Any], ...] = (
        lambda: iam.attach_role_policy(RoleName=name, PolicyArn=arn),
        lambda: iam.attach_user_policy(UserName=name, PolicyArn=arn),
        lambda: iam.attach_group_policy(GroupName=name, PolicyArn=arn),
    )
    for attach in attaches:
        with pytest.raises(iam.exceptions.NoSuchEntityException, match="is not attachable"):
            attach()
    assert iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == []


TEMPLATE = """
Resources:
  Managed:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      Roles: [!Ref Role]
      PolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Action: "s3:ListAllMyBuckets", Resource: "*"}]
  Role:
    Type: AWS::IAM::Role
    Properties:
      ManagedPolicyArns: [ARN]
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}
"""


def test_a_stack_attaches_no_policy_that_does_not_exist(sample: Sample, tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    builder = Builder(tmp_path / "cache", Toolchain("pip", "python3"))
    deployment = Deployment(sample.session, builder, "managed-policies")
    template.write_text(TEMPLATE.replace("ARN", f"{AWS}AdminstratorAccess"))
    with pytest.raises(DeployError, match=r"Role \(AWS::IAM::Role\): .*is not attachable"):
        deployment.deploy(template, {})
    template.write_text(TEMPLATE.replace("ARN", f"{AWS}AmazonS3ReadOnlyAccess"))
    deployment.deploy(template, {})
