"""Inputs of a manifest, with either answer to where SageMaker puts its entries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local_cloud.sagemaker.core.open_facts import OpenFacts
from local_cloud.sagemaker.engine.engine import Engine
from tests.engine.engine_cloud import JOBS_PYTHON, Cloud, RecordingHost, execution, run
from tests.engine.model_steps import model, put_channels, rows, training, transform
from tests.engine.processing_step import processing

NAMES = """
import pathlib
folder = pathlib.Path("/opt/ml/processing/input/data")
names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
pathlib.Path("/opt/ml/processing/output/out/names").write_text("\\n".join(names))
"""


@pytest.fixture(params=["relative", "whole-key"])
def layout(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def engine(host: RecordingHost, tmp_path: Path, layout: str) -> Iterator[Engine]:
    facts = OpenFacts.parse(f"manifest_paths={layout}")
    made = Engine(host, tmp_path / "work", JOBS_PYTHON, facts)
    yield made
    made.shutdown()


@pytest.fixture
def role(cloud: Cloud) -> str:
    return cloud.role("jobs")


def names(cloud: Cloud, role: str, manifest: list[Any]) -> dict[str, Any]:
    """A step that lists the files of a manifest's objects."""
    uri = cloud.put("drops/1/manifest.json", json.dumps(manifest))
    return processing(
        cloud,
        "Names",
        NAMES,
        role=role,
        inputs={"data": uri},
        outputs={"out": cloud.uri("out")},
        data_type={"Get": "Parameters.Kind"},
    )


def run_with_manifest(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str, step: dict[str, Any]
) -> str:
    made = execution(
        cloud,
        [step],
        role=role,
        parameters=[{"Name": "Kind", "Type": "String", "DefaultValue": "S3Prefix"}],
        given={"Kind": "ManifestFile"},
    )
    return run(engine, host, made)[0]


def test_exactly_the_objects_of_a_manifest_come_in_their_folders_and_not_the_manifest(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str, layout: str
) -> None:
    """API_ProcessingS3Input, ManifestFile; folders stay (EcoSHEDS/fpe-model). Where the prefix
    goes is open: aws/sagemaker-python-sdk#723 and arnavnair220/edge-ml-flywheel differ."""
    for key in ("raw/a.csv", "raw/deep/b c.csv", "raw/not-this.csv"):
        cloud.put(key, key)
    step = names(cloud, role, [{"prefix": cloud.uri("raw/")}, "a.csv", "deep/b c.csv"])

    assert run_with_manifest(engine, host, cloud, role, step) == "Succeeded"
    before = "raw/" if layout == "whole-key" else ""
    assert cloud.get("out/names").splitlines() == [f"{before}a.csv", f"{before}deep/b c.csv"]


def test_a_manifest_that_begins_at_the_bucket_is_laid_out_the_same_either_way(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    """API_S3DataSource, ManifestFile: an object's URI is the prefix and the entry, joined."""
    cloud.put("raw/deep/a.csv", "x")
    step = names(cloud, role, [{"prefix": cloud.uri("")}, "raw/deep/a.csv"])

    assert run_with_manifest(engine, host, cloud, role, step) == "Succeeded"
    assert cloud.get("out/names").splitlines() == ["raw/deep/a.csv"]


def test_a_transform_of_a_manifest_keeps_the_folders_of_its_entries(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str, layout: str
) -> None:
    """EcoSHEDS/fpe-model for the folders; where a deep prefix goes is open."""
    put_channels(cloud)
    features = rows(1)[0].split(",", 1)[1]
    for key in ("deep/in/2026/a.csv", "deep/in/2025/a.csv", "deep/in/not-this.csv"):
        cloud.put(key, features)
    entries = [{"prefix": cloud.uri("deep/in/")}, "2026/a.csv", "2025/a.csv"]
    source = {"S3DataType": "ManifestFile", "S3Uri": cloud.put("m.json", json.dumps(entries))}
    predict = transform(
        cloud,
        TransformInput={
            "DataSource": {"S3DataSource": source},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
    )
    steps = [training(cloud, role), model(role), predict]

    assert run(engine, host, execution(cloud, steps, role=role)) == ("Succeeded", None)
    before = "deep/in/" if layout == "whole-key" else ""
    assert cloud.keys("out") == [f"out/{before}2025/a.csv.out", f"out/{before}2026/a.csv.out"]


def test_an_answer_that_nobody_gave_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"colour=red is none of manifest_paths=relative\|whole"):
        OpenFacts.parse("colour=red")
