"""QualityCheck, Lambda and unknown steps."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest

from local_cloud.sagemaker.engine.engine import Engine
from tests.engine.engine_cloud import ANALYZER, Cloud, RecordingHost, allow, execution, run
from tests.engine.processing_step import processing


@pytest.fixture
def role(cloud: Cloud) -> str:
    return cloud.role("jobs")


def lambda_step(cloud: Cloud, code: str) -> dict[str, Any]:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("f.py", code)
    arn = cloud.client("lambda").create_function(
        FunctionName=cloud.bucket,
        Runtime="python3.11",
        Handler="f.handler",
        Role=cloud.role("function"),
        Code={"ZipFile": held.getvalue()},
    )["FunctionArn"]
    return {
        "Name": "Call",
        "Type": "Lambda",
        "FunctionArn": arn,
        "Arguments": {"who": {"Get": "Execution.PipelineName"}},
        "OutputParameters": [{"OutputName": "greeting", "OutputType": "String"}],
    }


def test_a_lambda_steps_answer_is_there_for_later_steps(
    engine: Engine, host: RecordingHost, cloud: Cloud
) -> None:
    role = cloud.role("all", allow(["s3:*", "lambda:*"], "*"))
    call = lambda_step(cloud, "def handler(e, c): return {'greeting': 'hello ' + e['who']}")
    said = {"Get": "Steps.Call.OutputParameters['greeting']"}
    script = "import sys; print(sys.argv[1])"
    use = processing(cloud, "Use", script, role=role, container_arguments=[said])

    made = execution(cloud, [call, use], role=role)
    assert run(engine, host, made) == ("Succeeded", None)
    assert "hello probe" in host.log_text("ProcessingJobs")
    outputs = host.step("Call")["Metadata"]["Lambda"]["OutputParameters"]
    assert outputs == [{"Name": "greeting", "Value": "hello probe"}]


def test_a_lambda_that_raises_fails_its_step(
    engine: Engine, host: RecordingHost, cloud: Cloud
) -> None:
    role = cloud.role("all", allow(["lambda:*"], "*"))
    call = lambda_step(cloud, "def handler(e, c): raise ValueError('no such customer')")

    assert run(engine, host, execution(cloud, [call], role=role))[0] == "Failed"
    assert "no such customer" in host.step("Call")["FailureReason"]


def test_a_step_type_that_is_not_known_here_says_so(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    step = {"Name": "Ask", "Type": "Callback", "Arguments": {}, "SqsQueueUrl": "q"}

    assert run(engine, host, execution(cloud, [step], role=role))[0] == "Failed"
    reason = host.step("Ask")["FailureReason"]
    assert reason == "ClientError: Steps of type Callback are not supported here (step Ask)"


def quality_check(cloud: Cloud, role: str, **members: Any) -> dict[str, Any]:
    arguments = processing(
        cloud,
        "Quality",
        "",
        role=role,
        inputs={"baseline_dataset_input": cloud.uri("data/")},
        outputs={"quality": cloud.uri("quality")},
        image=ANALYZER,
        arguments={
            "Environment": {
                "dataset_format": '{"csv": {"header": false}}',
                "dataset_source": "/opt/ml/processing/input/baseline_dataset_input",
                "output_path": "/opt/ml/processing/output/quality",
                "publish_cloudwatch_metrics": "Disabled",
            }
        },
    )["Arguments"]
    arguments["AppSpecification"] = {"ImageUri": ANALYZER}
    step = {
        "Name": "Quality",
        "Type": "QualityCheck",
        "Arguments": arguments,
        "CheckType": "DATA_QUALITY",
        "ModelPackageGroupName": "group",
        "SkipCheck": False,
        "FailOnViolation": True,
        "RegisterNewBaseline": False,
        "SuppliedBaselineStatistics": None,
        "SuppliedBaselineConstraints": None,
    }
    return step | members


def test_a_skipped_check_calculates_the_baseline_that_a_later_check_fails_by(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    cloud.put("data/a.csv", "".join(f"{n},{n % 7}\n" for n in range(300)))
    baseline = quality_check(cloud, role, SkipCheck=True, RegisterNewBaseline=True)
    assert run(engine, host, execution(cloud, [baseline], role=role)) == ("Succeeded", None)
    shown = host.step("Quality")["Metadata"]["QualityCheck"]
    assert shown["CalculatedBaselineStatistics"] == cloud.uri("quality/statistics.json")
    assert shown["BaselineUsedForDriftCheckConstraints"] == cloud.uri("quality/constraints.json")
    kept = {
        kind: cloud.put(f"kept/{kind}.json", cloud.get(f"quality/{kind}.json"))
        for kind in ("statistics", "constraints")
    }

    cloud.put("data/a.csv", "".join(f"{-n - 1},{n % 7}\n" for n in range(300)))
    check = quality_check(
        cloud,
        role,
        SuppliedBaselineStatistics=kept["statistics"],
        SuppliedBaselineConstraints=kept["constraints"],
    )
    assert run(engine, host, execution(cloud, [check], role=role, number=2))[0] == "Failed"
    reason = host.step("Quality")["FailureReason"]
    assert "constraint violations" in reason
    assert cloud.uri("quality/constraint_violations.json") in reason

    lenient = execution(cloud, [check | {"FailOnViolation": False}], role=role, number=3)
    assert run(engine, host, lenient) == ("Succeeded", None)


def test_a_check_without_any_baseline_says_what_to_do(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    step = quality_check(cloud, role)

    assert run(engine, host, execution(cloud, [step], role=role))[0] == "Failed"
    assert "There is no baseline to check against" in host.step("Quality")["FailureReason"]
