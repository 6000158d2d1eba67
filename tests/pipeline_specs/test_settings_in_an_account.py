"""What a changed setting changes in the account, and nothing else."""

from __future__ import annotations

import dataclasses

import boto3
import pytest
from headrace.adapters.ledger import Ledger
from headrace.domain.errors import PermanentError

from pipeline_specs.config import settings
from pipeline_specs.config.schedules import Schedule
from pipeline_specs.config.settings import Settings
from pipeline_specs.deploy.account import Account
from pipeline_specs.deploy.stack import Stack
from tests.pipeline_specs.typed_commands import TRAINING, Terminal


def test_a_group_for_the_versions_is_made_once_with_the_projects_tags(
    terminal: Terminal, abalone: Settings
) -> None:
    project = dataclasses.replace(abalone.project, model_package_group="clams")
    changed = dataclasses.replace(abalone, project=project)
    account = Account(Stack("headrace", boto3.Session()), boto3.Session())
    assert [account.put_group(changed), account.put_group(changed)] == [True, False]
    group = terminal.sagemaker.describe_model_package_group(ModelPackageGroupName="clams")
    tags = terminal.sagemaker.list_tags(ResourceArn=group["ModelPackageGroupArn"])["Tags"]
    assert tags == [{"Key": "project", "Value": "abalone"}]


def test_parallel_steps_are_limited_if_the_project_says_so(
    terminal: Terminal, upserted: list[str], abalone: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = settings.load("abalone")[1]
    narrow = dataclasses.replace(abalone, max_parallel_steps=2)
    monkeypatch.setattr(settings, "load", lambda project: (narrow, source))
    assert f"{TRAINING[0]}: updated" in terminal.types("upsert", "abalone")
    assert f"{TRAINING[0]}: unchanged" in terminal.types("upsert", "abalone")
    limit = terminal.describe(TRAINING[0])["ParallelismConfiguration"]
    assert limit == {"MaxParallelExecutionSteps": 2}


def test_schedules_come_and_go_with_the_settings(
    terminal: Terminal, upserted: list[str], abalone: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = settings.load("abalone")[1]
    daily = dataclasses.replace(abalone, schedules=(Schedule("inference", "rate(1 day)"),))
    monkeypatch.setattr(settings, "load", lambda project: (daily, source))
    rule = "headrace-schedule-abalone-inference"
    assert terminal.types("upsert", "abalone")[-1] == f"{rule}: created, rate(1 day)"
    terminal.types("upsert", "abalone")
    assert terminal.writes == []
    assert f"{rule}: deleted" in terminal.types("delete", "abalone")


def test_a_project_may_have_its_pipelines_recreated_each_time(
    terminal: Terminal, upserted: list[str], abalone: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = settings.load("abalone")[1]
    anew = dataclasses.replace(abalone, recreate_pipelines=True)
    monkeypatch.setattr(settings, "load", lambda project: (anew, source))
    lines = terminal.types("upsert", "abalone")
    assert [f"{name}: created" in lines for name in TRAINING] == [True, True]


def test_settings_that_belong_to_another_project_are_refused(
    terminal: Terminal, upserted: list[str], abalone: Settings
) -> None:
    ledger = Ledger(terminal.outputs["LedgerTableName"], terminal.session.client("dynamodb"))
    other = dataclasses.replace(abalone.project, name="whelk")
    with pytest.raises(PermanentError, match="belongs to another project already"):
        ledger.put_project(other)


def test_settings_of_a_project_that_lacked_a_pipeline_say_whose_it_is(
    terminal: Terminal, upserted: list[str]
) -> None:
    dynamodb, table = terminal.session.client("dynamodb"), terminal.outputs["LedgerTableName"]
    name = "headrace-abalone-model-quality"
    key = {"pk": {"S": f"PROJECT#pipeline#{name}"}, "sk": {"S": "SETTINGS"}}
    dynamodb.delete_item(TableName=table, Key=key)
    assert "settings of abalone in the ledger: updated" in terminal.types("upsert", "abalone")
    assert Ledger(table, dynamodb).project_of("pipeline", name) is not None
    assert "settings of abalone in the ledger: unchanged" in terminal.types("upsert", "abalone")


def test_a_changed_setting_updates_exactly_what_it_shapes(
    terminal: Terminal, upserted: list[str], abalone: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    deeper = dataclasses.replace(abalone, tuning=abalone.tuning.model_copy(update={"max_jobs": 6}))
    source = settings.load("abalone")[1]
    monkeypatch.setattr(settings, "load", lambda project: (deeper, source))
    lines = terminal.types("upsert", "abalone")
    assert lines[:2] == [f"{TRAINING[0]}: unchanged", f"{TRAINING[1]}: updated"]
    assert terminal.writes == ["UpdatePipeline"]
