"""What a job is given: objects of a prefix or a manifest, and clear words when there is none."""

from __future__ import annotations

import json
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


def test_a_manifest_names_exactly_the_objects_that_come(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    for key in ("raw/a.csv", "raw/deep/b c.csv", "raw/not-this.csv"):
        cloud.put(key, key)
    entries = [{"prefix": cloud.uri("raw/")}, "a.csv", "deep/b c.csv"]
    manifest = cloud.put("drops/1/manifest.json", json.dumps(entries))
    step = processing(
        cloud,
        "Some",
        COPY,
        role=role,
        inputs={"data": manifest},
        outputs={"out": cloud.uri("out")},
        data_type={"Get": "Parameters.Kind"},
    )
    made = execution(
        cloud,
        [step],
        role=role,
        parameters=[{"Name": "Kind", "Type": "String", "DefaultValue": "S3Prefix"}],
        given={"Kind": "ManifestFile"},
    )

    assert run(engine, host, made)[0] == "Succeeded"
    assert cloud.keys("out") == ["out/a.csv", "out/deep/b c.csv"]


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ({"image": "1.dkr.ecr.us-east-1.amazonaws.com/my-image:3"}, "my-image:3 is not supported"),
        ({"arguments": {"Colour": "red"}}, 'Unknown parameter in input: "Colour"'),
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
