"""Settings that the stack's roles cannot serve are refused before anything is put."""

import dataclasses

import boto3
import pytest
from headrace.domain.errors import PermanentError

from pipeline_specs.config.settings import Settings
from pipeline_specs.deploy.account import Account
from pipeline_specs.deploy.stack import Stack

OUTPUTS = ("LedgerTableName", "DataBucketName", "PipelineRoleArn", "InboxQueueArn")


def account(region: str = "eu-west-1", **outputs: str) -> Account:
    """An account with a stack of these outputs; no service is in reach."""
    session = boto3.Session(region_name=region)
    stack = Stack("shells", session)
    stack.outputs = dict.fromkeys((*OUTPUTS, "RuleDeadLettersArn"), "x") | outputs
    return Account(stack, session)


@pytest.fixture
def in_vpc(abalone: Settings) -> Settings:
    return dataclasses.replace(abalone, subnets=("subnet-1",), security_groups=("sg-1",))


def test_a_vpc_needs_a_stack_whose_jobs_may_use_one(in_vpc: Settings, abalone: Settings) -> None:
    for outputs in ({}, {"JobsInVpc": "false"}):
        with pytest.raises(PermanentError, match=r"abalone sets subnets.* JobsInVpc=true") as error:
            account(**outputs).refuse_misfit(in_vpc)
        assert "stack shells" in str(error.value)
    account().refuse_misfit(abalone)
    account(JobsInVpc="true").refuse_misfit(in_vpc)


def test_a_role_of_the_projects_own_is_its_own_affair(in_vpc: Settings) -> None:
    own = dataclasses.replace(in_vpc, role_arn="arn:aws:iam::111122223333:role/ours")

    account().refuse_misfit(own)


def test_names_that_the_stack_may_not_use_are_named(abalone: Settings) -> None:
    with pytest.raises(PermanentError, match=r"headrace-abalone-training, .*start them with mine-"):
        account(PipelinePrefix="mine-").refuse_misfit(abalone)

    other = dataclasses.replace(abalone.project, model_package_group="clams")
    with pytest.raises(PermanentError, match=r"may not use: clams; start them with headrace-"):
        account().refuse_misfit(dataclasses.replace(abalone, project=other))


def test_a_region_without_images_is_named_with_each_of_them(abalone: Settings) -> None:
    with pytest.raises(PermanentError) as error:
        account("ap-southeast-7").refuse_misfit(abalone)
    said = str(error.value)
    assert "xgboost 3.0-5 is not in ap-southeast-7" in said
    assert "sklearn 1.4-2-py312 is not in ap-southeast-7" in said
    assert "such as ap-east-1" in said
    assert "\n" not in said


def test_all_that_does_not_fit_is_said_at_once(in_vpc: Settings) -> None:
    found = list(account("ap-southeast-7", PipelinePrefix="mine-").misfits(in_vpc))
    assert len(found) == 4  # two images, the names, the VPC
