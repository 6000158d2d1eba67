"""What a service does in a role's name is asked of IAM, as on AWS; refused, it is left undone."""

import io
import json
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_cloud.deploy import users
from tests.cloud.cloud_sample import Sample, eventually

ACCOUNT = "000000000000"
CODE = "def handler(event, context):\n    print('heard', event)\n    return 'done'\n"


def role(sample: Sample, name: str, service: str, *allowed: dict[str, Any]) -> str:
    """A role that a service or, with the account's number, anybody of it may assume."""
    who = {"AWS": service} if service.isdigit() else {"Service": service}
    trust = {"Effect": "Allow", "Principal": who, "Action": "sts:AssumeRole"}
    iam = sample.client("iam")
    made = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    for number, statement in enumerate(allowed):
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}
        iam.put_role_policy(
            RoleName=name, PolicyName=f"part-{number}", PolicyDocument=json.dumps(document)
        )
    return str(made["Role"]["Arn"])


def session(sample: Sample, role_arn: str) -> users.EndpointSession:
    """A session of somebody who assumed the role."""
    given = sample.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="somebody")
    keys = given["Credentials"]
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
    endpoint = sample.cloud.info["endpoint_url"]
    return users.EndpointSession(endpoint, *(keys[name] for name in names))


def function(sample: Sample, name: str, role_arn: str) -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", CODE)
    sample.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="app.handler",
        Role=role_arn,
        Code={"ZipFile": code.getvalue()},
    )


def log_lines(sample: Sample, name: str) -> list[str]:
    logs = sample.client("logs")
    try:
        events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [event["message"] for event in events]


def test_a_function_whose_role_may_not_log_has_no_log(sample: Sample) -> None:
    logs = {"Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}
    function(sample, "silent", role(sample, "silent", "lambda.amazonaws.com"))
    function(sample, "loud", role(sample, "loud", "lambda.amazonaws.com", logs))

    for name in ("silent", "loud"):
        answer = sample.client("lambda").invoke(FunctionName=name, Payload=b"1")
        assert answer["Payload"].read() == b'"done"'

    eventually(lambda: "heard 1" in log_lines(sample, "loud"))
    assert log_lines(sample, "silent") == []


def test_a_function_whose_role_may_not_read_a_queue_gets_nothing_from_it(sample: Sample) -> None:
    sqs = sample.client("sqs")
    url = sqs.create_queue(QueueName="unread")["QueueUrl"]
    names = ["QueueArn", "ApproximateNumberOfMessages"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]["QueueArn"]
    reading = {
        "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
        "Resource": arn,
    }
    role_arn = role(sample, "reader", "lambda.amazonaws.com", reading)
    function(sample, "reader", role_arn)
    sample.client("iam").delete_role_policy(RoleName="reader", PolicyName="part-0")
    sample.client("lambda").create_event_source_mapping(EventSourceArn=arn, FunctionName="reader")
    sqs.send_message(QueueUrl=url, MessageBody="hello")

    def waiting() -> str:
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
        return str(answer["Attributes"]["ApproximateNumberOfMessages"])

    server = sample.cloud.server
    assert server is not None
    eventually(lambda: "reader may not poll its queue" in server.log.read_text())
    assert waiting() == "1"
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **reading}]}
    sample.client("iam").put_role_policy(
        RoleName="reader", PolicyName="part-0", PolicyDocument=json.dumps(document)
    )
    eventually(lambda: waiting() == "0")


def test_who_publishes_to_an_encrypted_topic_needs_its_key(sample: Sample) -> None:
    key = sample.client("kms").create_key(
        Policy=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
                        "Action": "kms:*",
                        "Resource": "*",
                    }
                ],
            }
        )
    )["KeyMetadata"]["Arn"]
    topic = sample.client("sns").create_topic(
        Name="encrypted", Attributes={"KmsMasterKeyId": key.rpartition("/")[2]}
    )["TopicArn"]
    publishing = {"Action": "sns:Publish", "Resource": topic}
    using = {"Action": ["kms:GenerateDataKey*", "kms:Decrypt"], "Resource": key}
    without = session(sample, role(sample, "keyless", ACCOUNT, publishing)).client("sns")
    with_it = session(sample, role(sample, "keyed", ACCOUNT, publishing, using)).client("sns")

    assert with_it.publish(TopicArn=topic, Message="hello")["MessageId"]
    with pytest.raises(ClientError, match="KMSAccessDenied"):
        without.publish(TopicArn=topic, Message="hello")


def test_only_who_may_list_the_bucket_gets_404_for_a_missing_object(sample: Sample) -> None:
    bucket = sample.outputs["Bucket"]
    reading = {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    listing = {"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"}
    for name, allowed, code in (
        ("looker", [reading, listing], "404"),
        ("groper", [reading], "403"),
    ):
        s3 = session(sample, role(sample, name, ACCOUNT, *allowed)).client("s3")
        with pytest.raises(ClientError, match=code):
            s3.head_object(Bucket=bucket, Key="not-there")
        with pytest.raises(ClientError, match="NoSuchKey" if code == "404" else "AccessDenied"):
            s3.get_object(Bucket=bucket, Key="not-there")
