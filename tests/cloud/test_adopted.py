"""A stack is deployed around a table that was restored and a bucket that an earlier stack left."""

import sys
from pathlib import Path

import pytest

from local_cloud.deploy.build import Builder, Toolchain
from local_cloud.deploy.stack import Deployment
from local_cloud.ministack.process import ROOT
from tests.cloud.cloud_sample import Sample


@pytest.fixture
def deployment(sample: Sample) -> Deployment:
    builder = Builder(ROOT / ".headrace" / "build", Toolchain.of(Path(sys.prefix).parent))
    return Deployment(sample.session, builder, "adopts")


def names(sample: Sample) -> tuple[set[str], set[str]]:
    """The account's buckets and tables."""
    buckets = sample.client("s3").list_buckets()["Buckets"]
    return {one["Name"] for one in buckets}, set(
        sample.client("dynamodb").list_tables()["TableNames"]
    )


def test_a_stack_adopts_a_table_and_a_bucket_and_makes_none(
    sample: Sample, deployment: Deployment
) -> None:
    bucket, table = sample.outputs["Bucket"], sample.outputs["Table"]
    before = names(sample)

    outputs = deployment.deploy(
        ROOT / "template.yaml",
        {
            "AlertEmail": "platform@example.com",
            "GitLabProjectPath": "group/project",
            "ExistingDataBucketName": bucket,
            "ExistingLedgerTableName": table,
        },
    )

    assert (outputs["DataBucketName"], outputs["LedgerTableName"]) == (bucket, table)
    decide = sample.client("lambda").get_function_configuration(FunctionName="adopts-decide")
    assert decide["Environment"]["Variables"]["LEDGER_TABLE"] == table
    assert decide["Environment"]["Variables"]["DATA_BUCKET"] == bucket
    after = names(sample)
    assert {one for one in after[0] - before[0] if "artefacts" not in one} == set()
    assert after[1] == before[1]
