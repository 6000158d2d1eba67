"""The inference pipeline: exactly one version, on whatever data a run is given."""

from __future__ import annotations

import dataclasses
from typing import Any

from pipeline_specs.config.building import DataQuality, Thresholds
from pipeline_specs.config.settings import Settings
from tests.pipeline_specs.pipeline_samples import BUCKET, PACKAGE_ARN, RUN_OF_PACKAGE, flag, inputs

RUN = f"s3://{BUCKET}/abalone/runs/this-run"
SCORING = f"s3://{BUCKET}/abalone/batch-scoring/data"
PREPROCESSOR = (f"{RUN_OF_PACKAGE}/preprocessor/preprocessor.json", "S3Prefix")


def test_the_steps_are_those_that_people_know(build: Any, abalone: Settings) -> None:
    definition = build(abalone, "inference")
    assert definition.order() == [
        *("CreateModel", "Preprocess", "Predict", "JoinPredictions", "DataQualityCheck"),
        *("GroundTruthAvailable", "ModelQuality"),
    ]
    assert definition.built.name == "headrace-abalone-inference"


def test_ground_truth_is_not_expected_unless_a_run_says_so(build: Any, abalone: Settings) -> None:
    assert build(abalone, "inference").parameters == {
        "InputData": f"{SCORING}/raw/",
        "InputDataType": "S3Prefix",
        "GroundTruth": f"{SCORING}/ground-truth/",
        "GroundTruthType": "S3Prefix",
        "GroundTruthAvailable": "false",
        "MetricThreshold": 10.0,
    }


def test_the_model_is_the_versions_and_says_which_it_is(build: Any, abalone: Settings) -> None:
    definition = build(abalone, "inference")
    container = definition.resolved("CreateModel")["PrimaryContainer"]
    assert container["ModelDataUrl"] == f"{RUN_OF_PACKAGE}/models/job/output/model.tar.gz"
    assert container["Image"].endswith("/sagemaker-xgboost:3.0-5")
    assert container["Environment"] == {"HEADRACE_MODEL_PACKAGE_ARN": PACKAGE_ARN}
    assert definition.built.description == f"Scores batches of abalone with {PACKAGE_ARN}"


def test_data_is_transformed_as_it_was_in_training(build: Any, abalone: Settings) -> None:
    job = build(abalone, "inference").resolved("Preprocess")
    assert job["AppSpecification"]["ContainerArguments"][0] == "transform"
    assert inputs(job)["preprocessor"] == PREPROCESSOR


def test_every_line_of_the_features_is_a_record_of_its_own(build: Any, abalone: Settings) -> None:
    job = build(abalone, "inference").resolved("Predict")
    assert job["TransformInput"] == {
        "DataSource": {
            "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"{RUN}/features"},
        },
        "ContentType": "text/csv",
        "SplitType": "Line",
    }
    assert job["TransformOutput"]["AssembleWith"] == "Line"
    assert job["ModelName"] == "the-model"


def test_predictions_are_joined_to_the_raw_input(build: Any, abalone: Settings) -> None:
    found = inputs(build(abalone, "inference").resolved("JoinPredictions"))
    assert found["data"] == (f"{SCORING}/raw/", "S3Prefix")
    assert found["scores"] == (f"{RUN}/scores", "S3Prefix")


def test_data_is_checked_against_the_baseline_of_the_version(build: Any, abalone: Settings) -> None:
    job = build(abalone, "inference").resolved("DataQualityCheck")
    found = inputs(job)
    assert found["dataset"] == (f"{RUN}/monitored", "S3Prefix")
    for name in ("statistics", "constraints"):
        uri, _ = found[f"baseline-{name}"]
        assert uri == f"{RUN_OF_PACKAGE}/data-quality/{name}.json"
    assert job["Environment"] == {
        "dataset_format": '{"csv": {"header": true}}',
        "dataset_source": "/opt/ml/processing/input/dataset",
        "output_path": "/opt/ml/processing/output",
        "publish_cloudwatch_metrics": "Disabled",
        "baseline_statistics": "/opt/ml/processing/input/baseline-statistics/statistics.json",
        "baseline_constraints": "/opt/ml/processing/input/baseline-constraints/constraints.json",
    }


def test_thresholds_of_the_project_reach_the_check(build: Any, abalone: Settings) -> None:
    quality = DataQuality(thresholds=Thresholds(comparison_threshold=0.3))
    job = build(dataclasses.replace(abalone, data_quality=quality), "inference")
    environment = job.resolved("DataQualityCheck")["Environment"]
    assert environment["comparison_threshold"] == "0.3"


def test_model_monitor_checks_against_the_same_baseline_and_never_fails_a_run(
    build: Any, abalone: Settings
) -> None:
    quality = abalone.data_quality.model_copy(update={"check": "model-monitor"})
    definition = build(dataclasses.replace(abalone, data_quality=quality), "inference")
    step = definition.steps["DataQualityCheck"]
    assert step["Type"] == "QualityCheck"
    assert (step["SkipCheck"], step["FailOnViolation"], step["RegisterNewBaseline"]) == (
        *(False, False, False),
    )
    assert step["SuppliedBaselineStatistics"] == f"{RUN_OF_PACKAGE}/data-quality/statistics.json"
    assert step["SuppliedBaselineConstraints"] == f"{RUN_OF_PACKAGE}/data-quality/constraints.json"


def test_only_the_step_behind_the_condition_reads_ground_truth(
    build: Any, abalone: Settings
) -> None:
    definition = build(abalone, "inference")
    (condition,) = definition.steps["GroundTruthAvailable"]["Arguments"]["Conditions"]
    assert condition == {
        "Type": "Equals",
        "LeftValue": {"Get": "Parameters.GroundTruthAvailable"},
        "RightValue": "true",
    }
    readers = {
        name
        for name in definition.steps
        if "ProcessingInputs" in definition.resolved(name)
        and "ground_truth" in inputs(definition.resolved(name))
    }
    assert readers == {"ModelQuality"}


def test_a_missed_threshold_still_leaves_its_report(build: Any, abalone: Settings) -> None:
    job = build(abalone, "inference").resolved("ModelQuality")
    (output,) = job["ProcessingOutputConfig"]["Outputs"]
    assert output["S3Output"]["S3UploadMode"] == "Continuous"
    command = job["AppSpecification"]["ContainerArguments"]
    assert (flag(command, "--metric"), flag(command, "--threshold")) == ("mse", "10.0")
    assert inputs(job)["predictions"] == (f"{RUN}/predictions", "S3Prefix")
