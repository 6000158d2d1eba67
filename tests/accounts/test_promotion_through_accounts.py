"""A version goes from the registry's account through staging into production."""

from __future__ import annotations

import json

import boto3
import pytest
from botocore.exceptions import ClientError
from headrace.adapters.ledger import Ledger
from headrace.domain.lane import Lane

from demo.data import Shells
from demo.loop import Loop
from demo.results import Live, Scored, Trained
from demo.stages import inference_definition
from local_cloud.cloud import Cloud
from pipeline_specs.config import settings
from tests.accounts.three_accounts import ACCOUNTS, Jobs

PROJECT = settings.load("abalone")[0].project


def lane(loop: Loop) -> Lane:
    ledger = Ledger(loop.info["outputs"]["LedgerTableName"], loop.client("dynamodb"))
    return ledger.lane(loop.inference)


def uris(definition: object) -> set[str]:
    return {part for part in json.dumps(definition).split('"') if part.startswith("s3://")}


def test_an_approval_brings_the_version_to_staging(
    registry: Loop, staging: Loop, refresh: Jobs, live: Live
) -> None:
    arn = live.version.arn
    registry.wait("the registry's account to take note", lambda: lane(registry).rollout.live == arn)
    assert lane(staging).rollout.live == arn
    assert lane(staging).rollout.deployed_by == refresh.number == lane(registry).rollout.deployed_by
    assert live.version.artefact in uris(inference_definition(staging))


def test_production_waits_for_a_person_and_keeps_nothing_waiting(
    production: Loop, refresh: Jobs
) -> None:
    if refresh.all()["promote production"].status == "manual":
        assert lane(production).rollout.live is None
    assert refresh.status == "success"


def test_what_is_dropped_in_production_is_scored_with_that_version(
    registry: Loop, production: Loop, live: Live, scored: Scored, data: Shells
) -> None:
    assert f":{ACCOUNTS['production']}:" in scored.run.arn
    definition = inference_definition(production)
    read = {uri for uri in uris(definition) if uri.startswith(f"s3://{registry.bucket}/")}
    metadata = live.version.metadata
    assert read == {
        live.version.artefact,
        *(metadata[name] for name in ("preprocessor", "baseline_statistics")),
        metadata["baseline_constraints"],
    }
    (environment,) = [
        step["Arguments"]["PrimaryContainer"]["Environment"]
        for step in definition["Steps"]
        if step["Type"] == "Model"
    ]
    assert environment["HEADRACE_MODEL_PACKAGE_ARN"] == live.version.arn


def test_mails_say_in_which_account_the_version_is_live(
    production: Loop, refresh: Jobs, promoted: str
) -> None:
    page = f"/-/pipelines/{refresh.number}"
    for number in ACCOUNTS.values():
        mail = production.mail("of a promotion", "version 1 is live", f", for account {number}")
        assert page in mail.text


def test_nobody_of_staging_may_approve_not_even_who_may_do_everything_there(
    cloud: Cloud, trained: Trained, live: Live
) -> None:
    sagemaker = cloud.session("staging").client("sagemaker")
    arn = live.version.arn
    assert sagemaker.describe_model_package(ModelPackageName=arn)["ModelPackageArn"] == arn
    for approval in ("Rejected", "Approved"):
        with pytest.raises(ClientError, match="AccessDenied"):
            sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus=approval)
    with pytest.raises(ClientError, match="AccessDenied"):
        sagemaker.delete_model_package(ModelPackageName=arn)


def test_staging_reads_what_versions_are_made_of_and_nothing_else(
    cloud: Cloud, registry: Loop, live: Live
) -> None:
    s3 = cloud.session("staging").client("s3")

    def read(key: str) -> bytes:
        return bytes(s3.get_object(Bucket=registry.bucket, Key=key)["Body"].read())

    assert read(live.version.artefact.removeprefix(f"s3://{registry.bucket}/"))
    with pytest.raises(ClientError, match="AccessDenied"):
        read(registry.key("training/data/raw/", "heavy.csv"))
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.put_object(Bucket=registry.bucket, Key="abalone/runs/any/model.tar.gz", Body=b"mine")


@pytest.mark.parametrize("account", ["staging", "production"])
def test_reconcile_looks_across_accounts_and_fails_at_nothing(
    cloud: Cloud, scored: Scored, account: str
) -> None:
    functions = cloud.session(account).client("lambda")
    answer = functions.invoke(FunctionName="headrace-reconcile", Payload=b'{"inventory": true}')
    assert "FunctionError" not in answer, answer["Payload"].read()


def test_an_account_that_is_no_reader_reads_nothing(cloud: Cloud, live: Live) -> None:
    root_secret = json.loads((cloud.home / "state" / "root-keys.json").read_text())[1]
    stranger = boto3.Session("333333333333", root_secret, region_name="us-east-1")
    sagemaker = stranger.client("sagemaker", endpoint_url=cloud.info["endpoint_url"])
    with pytest.raises(ClientError, match="AccessDenied"):
        sagemaker.describe_model_package(ModelPackageName=live.version.arn)
