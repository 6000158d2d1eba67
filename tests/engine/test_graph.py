"""How an execution goes through its steps: order, branches, failure, stop, cache, retries."""

from __future__ import annotations

from typing import Any

import pytest

from local_cloud.sagemaker.engine.engine import Engine
from tests.engine.engine_cloud import XGBOOST, Cloud, RecordingHost, execution, run
from tests.engine.processing_step import processing

NOTHING = "print('ran')"
REPORT = """
import json
open("/opt/ml/processing/output/report/evaluation.json", "w").write(
    json.dumps({"regression_metrics": {"mse": {"value": 6.1}}}))
"""


@pytest.fixture
def role(cloud: Cloud) -> str:
    return cloud.role("jobs")


def register() -> dict[str, Any]:
    container = {"Image": XGBOOST, "ModelDataUrl": "s3://bucket/model.tar.gz"}
    arguments = {
        "ModelPackageGroupName": "group",
        "ModelMetrics": {"Bias": {}},
        "InferenceSpecification": {
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        "ModelApprovalStatus": "PendingManualApproval",
        "CustomerMetadataProperties": {
            "run": {"Get": "Execution.PipelineExecutionArn"},
            "threshold": {"Get": "Parameters.Threshold"},
        },
    }
    return {"Name": "Register", "Type": "RegisterModel", "Arguments": arguments}


def fail() -> dict[str, Any]:
    text = {"Std:Join": {"On": " ", "Values": ["MSE above", {"Get": "Parameters.Threshold"}]}}
    return {"Name": "Missed", "Type": "Fail", "Arguments": {"ErrorMessage": text}}


def evaluated(cloud: Cloud, role: str) -> list[dict[str, Any]]:
    """Evaluate, then register or fail by a metric of the report."""
    mse = {
        "Std:JsonGet": {
            "PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.Report"},
            "Path": "regression_metrics.mse.value",
        }
    }
    file = {"PropertyFileName": "Report", "OutputName": "report", "FilePath": "evaluation.json"}
    compare = {
        "Type": "LessThanOrEqualTo",
        "LeftValue": mse,
        "RightValue": {"Get": "Parameters.Threshold"},
    }
    check = {
        "Name": "Check",
        "Type": "Condition",
        "Arguments": {"Conditions": [compare], "IfSteps": [register()], "ElseSteps": [fail()]},
    }
    evaluate = processing(
        cloud,
        "Evaluate",
        REPORT,
        role=role,
        outputs={"report": cloud.uri("report")},
        PropertyFiles=[file],
    )
    return [evaluate, check]


THRESHOLD = [{"Name": "Threshold", "Type": "Float", "DefaultValue": 10.0}]


def test_a_metric_within_its_threshold_registers_the_model(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    made = execution(cloud, evaluated(cloud, role), role=role, parameters=THRESHOLD)

    assert run(engine, host, made) == ("Succeeded", None)
    assert host.step("Check")["Metadata"] == {"Condition": {"Outcome": "True"}}
    package = host.packages[0]
    assert package["MetadataProperties"] == {"GeneratedBy": made.arn}
    assert package["CustomerMetadataProperties"] == {"run": made.arn, "threshold": "10.0"}
    assert host.step("Register")["Metadata"] == {"RegisterModel": {"Arn": "arn:package/1"}}
    assert host.statuses("Missed") == []


def test_a_missed_threshold_ends_in_the_fail_step(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    steps = evaluated(cloud, role)
    after = processing(cloud, "AfterRegister", NOTHING, role=role, DependsOn=["Register"])
    made = execution(
        cloud, [*steps, after], role=role, parameters=THRESHOLD, given={"Threshold": "5"}
    )

    assert run(engine, host, made) == ("Failed", "Step failure: One or multiple steps failed.")
    assert host.step("Missed")["FailureReason"] == "MSE above 5.0"
    assert host.step("Missed")["Metadata"] == {"Fail": {"ErrorMessage": "MSE above 5.0"}}
    assert host.packages == []
    assert host.statuses("AfterRegister") == []


def test_a_step_behind_a_branch_not_taken_is_left_out_and_the_run_succeeds(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    inner = processing(cloud, "Inner", NOTHING, role=role)
    behind = processing(cloud, "Behind", NOTHING, role=role, DependsOn=["Inner"])
    anyway = processing(cloud, "Anyway", NOTHING, role=role, DependsOn=["Check"])
    no = [{"Type": "Equals", "LeftValue": 1, "RightValue": 2}]
    check = {
        "Name": "Check",
        "Type": "Condition",
        "Arguments": {"Conditions": no, "IfSteps": [inner], "ElseSteps": []},
    }

    made = execution(cloud, [check, behind, anyway], role=role)
    assert run(engine, host, made) == ("Succeeded", None)
    assert {s["StepName"] for s in host.steps} == {"Check", "Anyway"}


def test_a_failed_step_lets_running_ones_finish_and_starts_no_new_ones(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    slow = processing(cloud, "Slow", "import time; time.sleep(1.5)", role=role)
    crash = processing(cloud, "Crash", "raise SystemExit(3)", role=role)
    after = processing(cloud, "AfterSlow", NOTHING, role=role, DependsOn=["Slow"])

    made = execution(cloud, [slow, crash, after], role=role)
    assert run(engine, host, made)[0] == "Failed"
    assert host.statuses("Slow")[-1] == "Succeeded"
    assert host.statuses("AfterSlow") == []


def test_no_more_steps_run_at_once_than_allowed(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    steps = [processing(cloud, name, "import time; time.sleep(0.2)", role=role) for name in "ABCD"]

    made = execution(cloud, steps, role=role, max_parallel_steps=2)
    assert run(engine, host, made)[0] == "Succeeded"
    running = most = 0
    for told in host.steps:
        running += {"Starting": 1, "Succeeded": -1}.get(told["StepStatus"], 0)
        most = max(most, running)
    assert most == 2


def test_a_cached_step_hands_on_the_outputs_of_the_earlier_run(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    def steps() -> list[dict[str, Any]]:
        where = {
            "Std:Join": {
                "On": "/",
                "Values": [cloud.uri("runs"), {"Get": "Execution.PipelineExecutionId"}],
            }
        }
        script = "open('/opt/ml/processing/output/o/x', 'w').write('made')"
        make = processing(
            cloud,
            "Make",
            script,
            role=role,
            outputs={"o": where},
            CacheConfig={"Enabled": True, "ExpireAfter": "P30D"},
        )
        show = "print(open('/opt/ml/processing/input/o/x').read())"
        path = "Steps.Make.ProcessingOutputConfig.Outputs['o'].S3Output.S3Uri"
        use = processing(cloud, "Use", show, role=role, inputs={"o": {"Get": path}})
        return [make, use]

    first = execution(cloud, steps(), role=role, number=1)
    second = execution(cloud, steps(), role=role, number=2)
    assert run(engine, host, first)[0] == "Succeeded"
    assert run(engine, host, second)[0] == "Succeeded"

    assert host.step("Make")["CacheHitResult"] == {"SourcePipelineExecutionArn": first.arn}
    assert cloud.keys("runs") == ["runs/exec00000001/x"]
    assert host.statuses("Use").count("Succeeded") == 2


def test_a_throttled_step_is_tried_again_by_its_policy(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    host.throttle = 2
    step = register() | {
        "RetryPolicies": [
            {
                "ExceptionType": ["Step.SERVICE_FAULT", "Step.THROTTLING"],
                "IntervalSeconds": 0.01,
                "BackoffRate": 1.0,
                "MaxAttempts": 3,
            }
        ]
    }
    made = execution(cloud, [step], role=role, parameters=THRESHOLD)

    assert run(engine, host, made) == ("Succeeded", None)
    assert host.step("Register")["AttemptCount"] == 3


def test_a_refused_request_fails_the_step_with_the_reason_of_pipelines(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    host.throttle = 1
    made = execution(cloud, [register()], role=role, parameters=THRESHOLD)

    assert run(engine, host, made)[0] == "Failed"
    assert host.step("Register")["FailureReason"] == (
        "ClientError: Failed to invoke sagemaker:CreateModelPackage. Error Details: Rate exceeded"
    )


def test_a_shutdown_stops_what_runs(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    step = processing(cloud, "Sleep", "print('BEGUN'); import time; time.sleep(60)", role=role)
    made = execution(cloud, [step], role=role)
    engine.start(made)
    host.wait_for("a line", lambda: "BEGUN" in host.logged["/aws/sagemaker/ProcessingJobs"])

    engine.shutdown()

    assert host.executions[made.arn][-1] == ("Stopped", None)
    engine.stop(made.arn)
    assert host.executions[made.arn][-1] == ("Stopped", None)


def test_a_definition_that_cannot_run_fails_the_execution(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    made = execution(cloud, [fail()], role=role)
    status, reason = run(engine, host, made)
    assert status == "Failed"
    assert reason == "Step Missed refers to unknown parameter Threshold"
