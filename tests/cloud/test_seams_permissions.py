"""What IAM let a role do is on record, once; what it refused, and what users did, is not."""

import json

import boto3
import pytest
from botocore.exceptions import ClientError

from local_cloud.ministack.permissions import Use, uses
from tests.cloud.cloud_sample import Sample

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole"}
    ],
}


def test_a_roles_use_of_a_permission_is_on_record_once(sample: Sample) -> None:
    iam, table = sample.client("iam"), "arn:aws:dynamodb:us-east-1:000000000000:table/measured"
    allowed = [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": "*"},
        {"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": table},
    ]
    role = iam.create_role(RoleName="measured", AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.put_role_policy(
        RoleName="measured",
        PolicyName="some",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allowed}),
    )
    keys = sample.client("sts").assume_role(
        RoleArn=role["Role"]["Arn"], RoleSessionName="somebody"
    )["Credentials"]
    session = boto3.Session(
        keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], "us-east-1"
    )
    endpoint = sample.cloud.info["endpoint_url"]
    s3 = session.client("s3", endpoint_url=endpoint)
    dynamodb = session.client("dynamodb", endpoint_url=endpoint)
    sample.client("dynamodb").create_table(
        TableName="measured",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
    )

    bucket = sample.outputs["Bucket"]
    for _ in range(2):
        s3.put_object(Bucket=bucket, Key="measured/a", Body=b"a")
        s3.head_object(Bucket=bucket, Key="measured/a")
    put = {"Put": {"TableName": "measured", "Item": {"pk": {"S": "a"}}}}
    dynamodb.transact_write_items(TransactItems=[put])
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=bucket, Key="measured/a")
    sample.client("s3").delete_object(Bucket=bucket, Key="measured/a")

    assert [use for use in uses(sample.cloud.permissions) if use.role == "measured"] == [
        Use("000000000000", "measured", "s3:PutObject", f"arn:aws:s3:::{bucket}/measured/a"),
        Use("000000000000", "measured", "s3:GetObject", f"arn:aws:s3:::{bucket}/measured/a"),
        Use("000000000000", "measured", "dynamodb:PutItem", table),
    ]
