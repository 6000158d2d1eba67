"""What a job is given: objects of a prefix or a manifest, and clear words when there is none."""

from __future__ import annotations

from typing import Any

import pytest

from local_cloud.sagemaker.engine.engine import Engine
from tests.engine.engine_cloud import SKLEARN, Cloud, RecordingHost, execution, run
from tests.engine.processing_step import processing

COPY = """
import pathlib, sys
print("arguments", sys.argv[1:])
target = pathlib.Path("/opt/ml/processing/output/out")
for path in sorted(pathlib.Path("/opt/ml/processing/input/data").rglob("*")):
    if path.is_file():
        copy = target / path.relative_to("/opt/ml/processing/input/data")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes().upper())
"""


@pytest.fixture
def role(cloud: Cloud) -> str:
    return cloud.role("jobs")


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"image": "1.dkr.ecr.us-east-1.amazonaws.com/my-image:3"}, "my-image:3 is not supported"),
        (
            {"inputs": {f"i{n}": "s3://b/in" for n in range(10)}},  # and the code is one more
            "ClientError: Failed to invoke sagemaker:CreateProcessingJob. Error Details: 1 "
            "validation error detected: Value",
        ),
        (
            {"arguments": {"StoppingCondition": {"MaxRuntimeInSeconds": 1}}},
            "longer than its MaxRuntimeInSeconds of 1",
        ),
    ],
)
def test_what_cannot_run_fails_with_a_reason(
    engine: Engine,
    host: RecordingHost,
    cloud: Cloud,
    role: str,
    members: dict[str, Any],
    says: str,
) -> None:
    step = processing(cloud, "Wrong", "import time; time.sleep(60)", role=role, **members)

    assert run(engine, host, execution(cloud, [step], role=role))[0] == "Failed"
    assert says in host.step("Wrong")["FailureReason"]


def test_a_missing_input_fails_as_in_sagemaker(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    step = processing(cloud, "Empty", COPY, role=role, inputs={"data": cloud.uri("nothing/")})

    assert run(engine, host, execution(cloud, [step], role=role))[0] == "Failed"
    reason = host.step("Empty")["FailureReason"]
    assert f'No S3 objects found under S3 URL "{cloud.uri("nothing/")}"' in reason


def test_a_name_too_long_for_a_file_is_reported(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    cloud.put("in/" + "n" * 256, "x")
    step = processing(cloud, "Long", COPY, role=role, inputs={"data": cloud.uri("in/")})

    assert run(engine, host, execution(cloud, [step], role=role))[0] == "Failed"
    assert "has a name of 256 bytes" in host.step("Long")["FailureReason"]


def test_a_job_reads_numbers_as_text_where_the_api_wants_text(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    step = processing(
        cloud,
        "Typed",
        "import sys; print(sys.argv[1:])",
        role=role,
        image=SKLEARN,
        container_arguments=["--threshold", {"Get": "Parameters.Threshold"}],
    )
    parameters = [{"Name": "Threshold", "Type": "Float", "DefaultValue": 10.0}]

    made = execution(cloud, [step], role=role, parameters=parameters)
    assert run(engine, host, made)[0] == "Succeeded"
    assert "['--threshold', '10.0']" in host.log_text("ProcessingJobs")
