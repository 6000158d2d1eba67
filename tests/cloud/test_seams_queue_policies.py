"""SQS refuses the policies that it refuses in an account, whoever sets them."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_cloud.deploy.build import Builder, Toolchain
from local_cloud.deploy.stack import DeployError, Deployment
from tests.cloud.cloud_sample import Sample

ACCOUNT = "000000000000"
INVALID = "Invalid value for the parameter Policy."
ALLOW = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sqs:SendMessage"}
ACTIONS = [
    *("sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"),
    *("sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:PurgeQueue", "sqs:ListQueueTags"),
]


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture(scope="module")
def queue(sample: Sample) -> Iterator[tuple[str, str]]:
    """A queue's URL and ARN."""
    sqs = sample.client("sqs")
    url = sqs.create_queue(QueueName=f"policies-{uuid.uuid4().hex[:6]}")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    yield url, attributes["QueueArn"]
    sqs.delete_queue(QueueUrl=url)


def refusal(sample: Sample, url: str, text: str) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        sample.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": text})
    error = caught.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


def test_a_policy_about_its_queue_is_kept_and_can_be_taken_away(
    sample: Sample, queue: tuple[str, str]
) -> None:
    url, arn = queue
    sqs = sample.client("sqs")
    for resource in (arn, [arn], "*"):
        text = policy({**ALLOW, "Resource": resource, "Action": ACTIONS[:7]})
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": text})
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
        assert answer["Attributes"]["Policy"] == text
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    assert not sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes")


def test_a_statement_about_two_queues_is_refused(sample: Sample, queue: tuple[str, str]) -> None:
    url, arn = queue
    text = policy({**ALLOW, "Resource": [arn, f"{arn}-2"]})
    assert refusal(sample, url, text) == ("InvalidAttributeValue", INVALID)
    with pytest.raises(ClientError, match=INVALID):
        sample.client("sqs").create_queue(QueueName="unmade", Attributes={"Policy": text})


def test_what_is_no_policy_is_refused(sample: Sample, queue: tuple[str, str]) -> None:
    for text in ("{", "[]", '"text"', '{"Statement": ["text"]}'):
        assert refusal(sample, queue[0], text) == ("InvalidAttributeValue", INVALID)


def test_a_role_of_the_account_must_exist(sample: Sample, queue: tuple[str, str]) -> None:
    url, arn = queue
    name = f"sender-{uuid.uuid4().hex[:6]}"
    role = f"arn:aws:iam::{ACCOUNT}:role/{name}"
    text = policy({**ALLOW, "Principal": {"AWS": [ACCOUNT, role]}, "Resource": arn})
    assert refusal(sample, url, text) == ("InvalidAttributeValue", INVALID)

    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    sample.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)
    sample.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": text})


def test_counts_have_limits(sample: Sample, queue: tuple[str, str]) -> None:
    url, arn = queue
    one = {**ALLOW, "Resource": arn}
    everybody = {"AWS": [f"1111111111{number}" for number in range(10, 61)]}
    for text in (
        policy(*[one] * 21),
        policy({**one, "Action": ACTIONS}),
        policy({**one, "Principal": everybody}),
    ):
        assert refusal(sample, url, text)[0] == "OverLimit"
    sample.client("sqs").set_queue_attributes(
        QueueUrl=url, Attributes={"Policy": policy(*[one] * 20)}
    )


def test_a_stack_with_one_policy_for_two_queues_is_not_deployed(
    sample: Sample, tmp_path: Path
) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(
        """
Transform: AWS::Serverless-2016-10-31
Resources:
  One: {Type: AWS::SQS::Queue}
  Two: {Type: AWS::SQS::Queue}
  Both:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref One, !Ref Two]
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {Service: events.amazonaws.com}
            Action: sqs:SendMessage
            Resource: [!GetAtt One.Arn, !GetAtt Two.Arn]
"""
    )
    builder = Builder(tmp_path / "cache", Toolchain("pip", "python3"))
    deployment = Deployment(sample.session, builder, "policies")

    with pytest.raises(DeployError, match=rf"Both \(AWS::SQS::QueuePolicy\): .*{INVALID}"):
        deployment.deploy(template, {})
