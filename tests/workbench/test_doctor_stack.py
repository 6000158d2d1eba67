"""What `headrace doctor` says of the stack itself: its age, alarms, dead letters and pipelines."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from headrace.domain.model_version import PACKAGE_VARIABLE

from pipeline_specs import ROOT
from tests.workbench.doctor_account import (
    ACCOUNT,
    OUTPUTS,
    PARAMETERS,
    REGION,
    Error,
    ledger,
    stack,
    target,
)
from workbench.doctor import alarms, versions
from workbench.doctor.findings import Finding

WHERE = f"--region {REGION}"
V1, V2 = (f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/headrace-abalone/{n}" for n in "12")
PROJECT = {"project": "abalone", "quality": {"metric": "mse", "threshold": 10.0}}
INFERENCE = "headrace-abalone-inference"


def judged(found: Any) -> list[tuple[str, str]]:
    return [(one.severity, one.command) for one in found]


def one(found: Any) -> Finding:
    finding: Finding
    (finding,) = found
    return finding


# --- the stack ------------------------------------------------------------------------------------


def test_the_stack_says_the_version_of_the_package() -> None:
    template = (ROOT / "template.yaml").read_text()
    assert f"  Version: {{Value: {version('headrace')}, " in template


@pytest.mark.parametrize(
    ("there", "severity", "command"),
    [
        ("0.1.0", "ok", ""),
        ("", "warning", f"sam build && sam deploy --stack-name headrace {WHERE}"),
        ("0.0.9", "warning", f"sam build && sam deploy --stack-name headrace {WHERE}"),
        ("0.10.0", "warning", "git pull"),
    ],
)
def test_a_stack_of_another_version_is_a_warning(there: str, severity: str, command: str) -> None:
    outputs = {**OUTPUTS, "Version": there} if there else {"DataBucketName": "b"}
    assert judged(versions.stack(target(**stack(outputs)))) == [(severity, command)]


def test_a_stack_that_was_not_deployed_is_an_error() -> None:
    nobodys = Error("ValidationError", "Stack with id headrace does not exist")
    found = one(versions.stack(target(DescribeStacks=nobodys)))
    assert (found.severity, found.seen) == ("error", f"no stack named headrace in {REGION}")
    assert found.command == f"sam build && sam deploy --guided {WHERE}"


@pytest.mark.parametrize(
    ("status", "severity"),
    [("UPDATE_ROLLBACK_COMPLETE", "warning"), ("UPDATE_ROLLBACK_FAILED", "error")],
)
def test_a_deployment_that_failed_is_found(status: str, severity: str) -> None:
    found = list(versions.stack(target(**stack(status=status))))
    assert [finding.severity for finding in found] == [severity, "ok"]
    assert "describe-stack-events" in found[0].command


def test_commands_name_another_stack() -> None:
    here = target(name="other")
    assert here.headrace("redrive") == f"headrace redrive --stack other {WHERE}"


def test_a_file_that_is_wrong_is_an_error_and_hides_no_other(tmp_path: Path) -> None:
    text = (ROOT / "pipeline_specs/abalone/project.yaml").read_text()
    for name, content in (("abalone", text), ("broken", "project: broken\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "project.yaml").write_text(content)
    here = target(tmp_path)
    found = list(versions.files(here))
    assert [finding.severity for finding in found] == ["error", "ok"]
    assert "broken/project.yaml" in found[0].seen
    assert [settings.project.name for settings in here.settings] == ["abalone"]


# --- alarms and dead letters ----------------------------------------------------------------------


def alarm(name: str, state: str = "OK", enabled: bool = True) -> dict[str, Any]:
    about = {"AlarmName": name, "AlarmDescription": "read the log"}
    return {**about, "StateValue": state, "ActionsEnabled": enabled}


def test_alarms_that_ring_or_are_switched_off_or_gone_are_named() -> None:
    whole = {"MetricAlarms": [alarm("ActFailedAlarm"), alarm("InboxAgeAlarm")]}
    assert one(alarms.alarms(target(DescribeAlarms=whole))).severity == "ok"
    ringing = {"MetricAlarms": [alarm("ActFailedAlarm", "ALARM", enabled=False)]}
    found = list(alarms.alarms(target(DescribeAlarms=ringing)))
    assert [(finding.severity, finding.seen) for finding in found] == [
        ("error", "ActFailedAlarm is in ALARM: read the log"),
        ("warning", "ActFailedAlarm has its actions disabled, so that it notifies nobody"),
        ("error", "InboxAgeAlarm is not there"),
    ]
    assert found[0].command == (
        f"aws cloudwatch describe-alarm-history --alarm-name ActFailedAlarm {WHERE}"
    )


def test_dead_letters_are_counted() -> None:
    def count(request: dict[str, Any]) -> dict[str, Any]:
        letters = "3" if request["QueueUrl"].endswith("/NotifyDeadLetters") else "0"
        return {"Attributes": {"ApproximateNumberOfMessages": letters}}

    found = list(alarms.dead_letters(target(GetQueueAttributes=count)))
    assert [finding.severity for finding in found] == ["ok", "error", "ok"]
    assert found[1].seen.startswith("NotifyDeadLetters holds 3")
    assert found[1].command == f"headrace redrive {WHERE}"


# --- pipelines ------------------------------------------------------------------------------------


def described(**definitions: Any) -> Any:
    def answer(request: dict[str, Any]) -> Any:
        kind = request["PipelineName"].removeprefix("headrace-abalone-").replace("-", "_")
        definition = definitions.get(kind)
        if definition is None:
            return Error("ResourceNotFound")
        return {"PipelineDefinition": json.dumps(definition)}

    return answer


def scoring(package: str) -> dict[str, Any]:
    container = {"Environment": {PACKAGE_VARIABLE: package}}
    return {"Steps": [{"Arguments": {"PrimaryContainer": container}}]}


def looked(lane: dict[str, Any] | None, **definitions: Any) -> list[tuple[str, str]]:
    there = described(training={}, training_hpo={}, **definitions)
    knows = ledger(PROJECT, lane={"pipeline": INFERENCE, "rollout": lane or {}})
    found = list(versions.pipelines(target(**knows, DescribePipeline=there)))
    assert found[0].seen == "abalone has its training pipelines"
    return judged(found[1:])


def test_the_version_that_scores_is_the_one_that_is_live() -> None:
    refresh = f"headrace pipelines refresh abalone --model-package-arn {V1} {WHERE}"
    assert looked({"live": V1}, inference=scoring(V1)) == [("ok", "")]
    assert looked({"live": V1, "wanted": V2}, inference=scoring(V2)) == [("ok", "")]
    assert looked({"live": V1}, inference=scoring(V2)) == [("error", refresh)]
    assert looked({"live": V1}) == [("error", refresh)]
    assert looked(None) == [("ok", "")]
    assert looked(None, inference=scoring(V1)) == [("error", f"headrace audit abalone {WHERE}")]


def test_a_training_pipeline_that_is_not_there_is_an_error() -> None:
    here = target(**ledger(PROJECT), DescribePipeline=described(training={}))
    found = list(versions.pipelines(here))
    assert found[0].seen == "the pipeline headrace-abalone-training-hpo is not there"
    assert found[0].command == f"headrace pipelines upsert abalone {WHERE}"


def test_an_account_that_scores_for_another_registry_trains_nothing() -> None:
    elsewhere = stack(parameters={**PARAMETERS, "RegistryAccountId": "444455556666"})
    knows = ledger(PROJECT, lane={"pipeline": INFERENCE, "rollout": {"live": V1}})
    found = versions.pipelines(target(**elsewhere, **knows, DescribePipeline=described()))
    promote = f"headrace pipelines promote abalone --model-package-arn {V1} {WHERE}"
    assert judged(found) == [("error", promote)]


def test_an_account_without_projects_is_told_how_to_put_one_there(tmp_path: Path) -> None:
    assert judged(versions.pipelines(target(tmp_path))) == [
        ("warning", f"headrace pipelines upsert PROJECT {WHERE}")
    ]


def test_the_version_is_found_in_a_definition_as_it_is_built() -> None:
    golden = ROOT / "tests/pipeline_specs/golden"
    built = next(path for path in golden.rglob("*inference*") if path.suffix == ".json")
    assert str(versions.scores_with(built.read_text())).startswith("arn:aws:sagemaker:")
