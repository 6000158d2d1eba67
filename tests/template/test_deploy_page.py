"""The deploy role of docs/deploy.md: what CloudFormation does to the template's resources is in it.

What that is, AWS says itself: the schema of a resource type lists what its handlers call. cfn-lint
brings the schemas.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from checks import expand
from workbench.doctor import permissions

ROOT = Path(__file__).parent.parent.parent
_CFN_LINT = find_spec("cfnlint")
assert _CFN_LINT and _CFN_LINT.origin
SCHEMAS = Path(_CFN_LINT.origin).parent / "data/schemas/resources"
ACCOUNT, REGION, STACK = "111122223333", "eu-west-1", "headrace"
HERE = f"{REGION}:{ACCOUNT}"
# What CloudFormation calls a resource of each type that names none itself.
NAMES = {
    "AWS::CloudWatch::Alarm": f"cloudwatch:{HERE}:alarm:{STACK}-ActFailedAlarm-1",
    "AWS::DynamoDB::Table": f"dynamodb:{HERE}:table/{STACK}-LedgerTable-1",
    "AWS::Events::Rule": f"events:{HERE}:rule/{STACK}-UploadRule-1",
    "AWS::IAM::Policy": f"iam::{ACCOUNT}:role/{STACK}-PipelineRole-1",  # in a role of the stack's
    "AWS::IAM::Role": f"iam::{ACCOUNT}:role/{STACK}-DecideRole-1",
    "AWS::KMS::Key": f"kms:{HERE}:key/1234abcd",
    "AWS::Lambda::EventInvokeConfig": f"lambda:{HERE}:function:{STACK}-reconcile",
    "AWS::Lambda::EventSourceMapping": f"lambda:{HERE}:event-source-mapping:1234abcd",
    "AWS::Lambda::Function": f"lambda:{HERE}:function:{STACK}-decide",
    "AWS::Lambda::LayerVersion": f"lambda:{HERE}:layer:HeadraceLayer1:1",
    "AWS::Lambda::Permission": f"lambda:{HERE}:function:{STACK}-reconcile",
    "AWS::Logs::LogGroup": f"logs:{HERE}:log-group:{STACK}-DecideLogs-1",
    "AWS::S3::Bucket": f"s3:::{STACK}-databucket-1",
    "AWS::S3::BucketPolicy": f"s3:::{STACK}-databucket-1",
    "AWS::SNS::Subscription": f"sns:{HERE}:{STACK}-AlertsTopic-1",
    "AWS::SNS::Topic": f"sns:{HERE}:{STACK}-AlertsTopic-1",
    "AWS::SNS::TopicPolicy": f"sns:{HERE}:{STACK}-AlertsTopic-1",
    "AWS::SQS::Queue": f"sqs:{HERE}:{STACK}-Inbox-1",
    "AWS::SQS::QueuePolicy": f"sqs:{HERE}:{STACK}-Inbox-1",
    "AWS::SecretsManager::Secret": f"secretsmanager:{HERE}:secret:GitLabSecret-1",
    "AWS::StepFunctions::StateMachine": f"states:{HERE}:stateMachine:{STACK}-act",
}
# Actions that take no resource in IAM (service authorization reference).
ANYWHERE = {
    *("dynamodb:DescribeLimits", "kms:CreateKey", "kms:ListAliases", "kms:ListKeys"),
    *("lambda:CreateEventSourceMapping", "logs:CreateLogDelivery", "logs:DeleteIndexPolicy"),
    *("logs:DeleteResourcePolicy", "logs:DescribeIndexPolicies", "logs:DescribeLogGroups"),
    *("logs:DescribeResourcePolicies", "logs:PutIndexPolicy", "logs:PutResourcePolicy"),
    *("secretsmanager:GetRandomPassword", "sns:GetSubscriptionAttributes", "s3:ListAllMyBuckets"),
    *("sns:SetSubscriptionAttributes", "sns:Unsubscribe"),
}
# What handlers call for properties that the template does not use, by these properties.
UNUSED: dict[str, tuple[str, ...]] = {
    "iam:*RolePermissionsBoundary": ("PermissionsBoundary",),
    "iam:AttachRolePolicy": ("ManagedPolicyArns",),
    "iam:DetachRolePolicy": ("ManagedPolicyArns",),
    "iam:*GroupPolicy": ("Groups",),
    "iam:*UserPolicy": ("Users",),
    "iam:CreateServiceLinkedRole": ("Replicas", "KinesisStreamSpecification"),
    "kinesis:*": ("KinesisStreamSpecification",),
    "ec2:*": ("VpcConfig",),
    "elasticfilesystem:*": ("FileSystemConfigs",),
    "s3files:*": ("FileSystemConfigs",),
    "firehose:*": ("DeliveryDestinations",),
    "s3tables:*": ("MetadataTableConfiguration", "MetadataConfiguration"),
    "kms:ListAliases": ("ImportSourceSpecification",),
    "lambda:PassCapacityProvider": ("CapacityProviderConfig",),
}
# No actions of IAM, or of other services on what is not the stack's.
_NOT_IAM = {"s3:REST.PUT.OBJECT", "s3:GetObjectMetadata"}


def page(name: str) -> str:
    text = (ROOT / "docs/deploy.md").read_text("utf-8")
    begin, end = f"<!-- deploy {name}: begin -->", f"<!-- deploy {name}: end -->"
    return text.partition(begin)[2].partition(end)[0].strip().removeprefix("```json").strip("`\n")


@pytest.fixture(scope="module")
def policy() -> dict[str, Any]:
    text = page("policy").replace("REGION", REGION).replace("ACCOUNT", ACCOUNT)
    found: dict[str, Any] = json.loads(text)
    return found


def allowed(policy: dict[str, Any], action: str, arn: str) -> bool:
    """Whether a statement lets the action through, on the ARN or on everything as it asks."""
    for one in policy["Statement"]:
        actions, resources = _many(one["Action"]), _many(one["Resource"])
        on = resources == ["*"] if action in ANYWHERE else _any(arn, resources)
        if one["Effect"] == "Allow" and _any(action, actions) and on:
            return True
    return False


def _any(text: str, patterns: list[str]) -> bool:
    return any(fnmatchcase(text.lower(), pattern.lower()) for pattern in patterns)


def _many(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


@cache
def schemas() -> dict[str, dict[str, Any]]:
    found = (json.loads(path.read_text("utf-8")) for path in SCHEMAS.glob("*.json"))
    return {one["typeName"]: one for one in found if one["typeName"] in NAMES}


def resources() -> list[dict[str, Any]]:
    return list(expand.expanded()["Resources"].values())


def called(kind: str) -> Iterator[str]:
    """What CloudFormation calls to create, read, update and delete a resource of a type."""
    handlers = schemas()[kind]["handlers"]
    for name in ("create", "read", "update", "delete"):
        yield from handlers.get(name, {}).get("permissions", ())


def lacking(policy: dict[str, Any]) -> list[str]:
    found = set()
    for kind, name in NAMES.items():
        for action in set(called(kind)) - _NOT_IAM:
            service, arn = action.partition(":")[0], f"arn:aws:{name}"
            if service != name.partition(":")[0]:  # of another service, on what is that one's
                arn = next(
                    (f"arn:aws:{other}" for other in NAMES.values() if other.startswith(service)),
                    arn,
                )
            if not _any(action, list(UNUSED)) and not allowed(policy, action, arn):
                found.add(f"{kind}: {action} on {arn}")
    return sorted(found)


def test_the_deploy_role_may_do_all_that_its_stack_needs(policy: dict[str, Any]) -> None:
    assert {one["Type"] for one in resources()} == set(NAMES)
    assert lacking(policy) == []


def test_what_is_left_out_belongs_to_properties_that_nothing_has() -> None:
    used = {name for one in resources() for name in one.get("Properties", {})}
    for action, properties in UNUSED.items():
        assert not used.intersection(properties), action
        assert any(_any(one, [action]) for kind in NAMES for one in called(kind)), action


def test_a_statement_that_is_missing_is_found(policy: dict[str, Any]) -> None:
    for left_out in policy["Statement"]:
        rest = [one for one in policy["Statement"] if one is not left_out]
        less = {"Statement": rest}
        assert lacking(less) or left_out["Sid"] in ("Stacks", "PipelinesByHandAndDeletion"), (
            left_out["Sid"]
        )


def test_sam_and_the_commands_by_hand_may_do_what_they_do(policy: dict[str, Any]) -> None:
    """By `sam deploy --debug` and what `headrace pipelines` calls."""
    sam = f"arn:aws:cloudformation:{HERE}:stack/aws-sam-cli-managed-default/1"
    stack = f"arn:aws:cloudformation:{HERE}:stack/{STACK}/1"
    names = ("CreateChangeSet", "DescribeChangeSet", "ExecuteChangeSet", "DescribeStacks")
    for action in (*names, "DescribeStackEvents", "GetTemplate", "DeleteStack"):
        assert allowed(policy, f"cloudformation:{action}", stack), action
    for action in names:
        assert allowed(policy, f"cloudformation:{action}", sam), action
    transform = f"arn:aws:cloudformation:{REGION}:aws:transform/Serverless-2016-10-31"
    assert allowed(policy, "cloudformation:CreateChangeSet", transform)
    assert allowed(policy, "cloudformation:GetTemplateSummary", "*")
    uploads = "arn:aws:s3:::aws-sam-cli-managed-default-samclisourcebucket-1/headrace/1"
    assert allowed(policy, "s3:PutObject", uploads)
    pipeline = f"arn:aws:sagemaker:{HERE}:pipeline/headrace-abalone-training"
    assert allowed(policy, "sagemaker:CreatePipeline", pipeline)


def test_what_the_doctor_asks_for_is_in_the_policy(policy: dict[str, Any]) -> None:
    where = {"partition": "aws", "region": REGION, "account": ACCOUNT, "stack": STACK}
    for resource, actions in permissions.ACTIONS.items():
        for action in actions:
            assert allowed(policy, action, resource.format(**where)), action


def test_the_documents_are_taken_from_the_page_by_its_own_command(tmp_path: Path) -> None:
    text = (ROOT / "docs/deploy.md").read_text("utf-8")
    found = re.search(r"^    for name in policy trust; do\n(.*?)^    done$", text, re.M | re.S)
    assert found
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/deploy.md").write_text(text)
    names = {"AWS_DEFAULT_REGION": REGION, "ACCOUNT": ACCOUNT, "GITLAB_PROJECT": "group/project"}
    environment = {"PATH": os.environ["PATH"], **names}
    subprocess.run(["sh", "-ec", found.group()], cwd=tmp_path, env=environment, check=True)
    policy = (tmp_path / "deploy-policy.json").read_text()
    assert json.loads(policy)["Version"] == "2012-10-17"
    assert len("".join(policy.split())) < 6144  # of a managed policy; an inline one may have more
    trust = json.loads((tmp_path / "deploy-trust.json").read_text())
    condition = trust["Statement"][0]["Condition"]["StringEquals"]
    assert condition["gitlab.com:sub"] == "project_path:group/project:ref_type:branch:ref:main"
    assert trust["Statement"][0]["Principal"]["Federated"].startswith(f"arn:aws:iam::{ACCOUNT}:")
