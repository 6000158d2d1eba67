"""The pipeline for ground truth that comes later: one step, the same as in a scoring run."""

from __future__ import annotations

from typing import Any

from pipeline_specs.config.settings import Settings
from tests.pipeline_specs.pipeline_samples import BUCKET, RUN_OF_PACKAGE, inputs


def test_it_is_the_model_quality_step_of_a_scoring_run_on_other_data(
    build: Any, abalone: Settings
) -> None:
    late, scoring = build(abalone, "model-quality"), build(abalone, "inference")
    assert late.built.name == "headrace-abalone-model-quality"
    assert late.order() == ["ModelQuality"]
    own = scoring.resolved("ModelQuality")["AppSpecification"]["ContainerArguments"]
    assert late.resolved("ModelQuality")["AppSpecification"]["ContainerArguments"] == [
        *own,
        "--of-runs",
    ]


def test_what_to_check_has_no_default_and_how_labels_are_read_is_the_versions(
    build: Any, abalone: Settings
) -> None:
    definition = build(abalone, "model-quality")
    parameters = {one["Name"]: one for one in definition.document["Parameters"]}
    assert list(parameters) == ["Predictions", "GroundTruth", "Preprocessor", "MetricThreshold"]
    assert "DefaultValue" not in parameters["Predictions"]
    assert "DefaultValue" not in parameters["GroundTruth"]
    assert parameters["MetricThreshold"]["DefaultValue"] == 10.0
    found = inputs(definition.resolved("ModelQuality"))
    del found["code"]
    assert found == {
        "predictions": (f"s3://{BUCKET}/Predictions", "ManifestFile"),
        "ground_truth": (f"s3://{BUCKET}/GroundTruth", "ManifestFile"),
        "preprocessor": (f"{RUN_OF_PACKAGE}/preprocessor/preprocessor.json", "S3Prefix"),
    }
