"""The training pipelines: what they do with what, and what they register."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from headrace.domain.project import Folders

from local_cloud.sagemaker.engine.expressions import Scope
from pipeline_specs.algorithms.algorithm import Algorithm, Image
from pipeline_specs.config.metrics import METRICS, Metric, Objective
from pipeline_specs.config.settings import Settings
from tests.pipeline_specs.pipeline_samples import BUCKET, DEPLOYMENT, Definition, flag, inputs

RUN = f"s3://{BUCKET}/abalone/runs/this-run"
TRAINING = ("training", "training-hpo")


@pytest.mark.parametrize(("kind", "train"), [("training", "Train"), ("training-hpo", "Tune")])
def test_the_steps_are_those_that_people_know(
    build: Any, abalone: Settings, kind: str, train: str
) -> None:
    definition = build(abalone, kind)
    assert definition.order() == [
        *("Preprocess", "DataQualityBaseline", train, "Evaluate"),
        *("CheckMetric", "RegisterModel", "MetricMissed"),
    ]
    assert definition.built.name == f"headrace-abalone-{kind}"


@pytest.mark.parametrize("kind", TRAINING)
def test_the_parameters_have_defaults_of_the_project(
    build: Any, abalone: Settings, kind: str
) -> None:
    assert build(abalone, kind).parameters == {
        "InputData": f"s3://{BUCKET}/abalone/training/data/raw/",
        "InputDataType": "S3Prefix",
        "ModelApprovalStatus": "PendingManualApproval",
        "MetricThreshold": 10.0,
    }


def test_the_data_is_a_parameter_of_the_run(build: Any, abalone: Settings) -> None:
    step = build(abalone, "training").steps["Preprocess"]
    data = step["Arguments"]["ProcessingInputs"][0]["S3Input"]
    assert data["S3Uri"] == {"Get": "Parameters.InputData"}
    assert data["S3DataType"] == {"Get": "Parameters.InputDataType"}


def test_a_run_without_data_of_its_own_takes_the_folder_of_the_project(
    build: Any, abalone: Settings
) -> None:
    folders = Folders("labelled/", "raw/", "truth/")
    project = dataclasses.replace(abalone.project, folders=folders)
    moved = dataclasses.replace(abalone, project=project)
    folder = f"s3://{BUCKET}/abalone"
    assert build(moved, "training").parameters["InputData"] == f"{folder}/labelled/"
    inference = build(moved, "inference").parameters
    assert (inference["InputData"], inference["GroundTruth"]) == (
        *(f"{folder}/raw/", f"{folder}/truth/"),
    )


def test_preprocessing_gets_the_shape_of_the_data(build: Any, abalone: Settings) -> None:
    arguments = build(abalone, "training").resolved("Preprocess")["AppSpecification"]
    command = arguments["ContainerArguments"]
    assert command[0] == "fit"
    assert flag(command, "--target") == "rings"
    assert flag(command, "--suffix") == ".csv"
    assert "--header" not in command
    data = abalone.data.model_copy(update={"header": True})
    headed = build(dataclasses.replace(abalone, data=data), "training").resolved("Preprocess")
    assert "--header" in headed["AppSpecification"]["ContainerArguments"]


def test_training_runs_the_built_in_xgboost_with_the_approved_hyperparameters(
    build: Any, abalone: Settings
) -> None:
    job = build(abalone, "training").resolved("Train")
    specification = job["AlgorithmSpecification"]
    assert specification["TrainingImage"].endswith("/sagemaker-xgboost:3.0-5")
    assert "MetricDefinitions" not in specification  # SageMaker refuses them for its own images
    assert job["HyperParameters"] == {
        "objective": "reg:squarederror",
        "num_round": "50",
        "max_depth": "5",
        "eta": "0.2",
    }
    channels = {
        channel["ChannelName"]: (
            channel["ContentType"],
            channel["DataSource"]["S3DataSource"]["S3Uri"],
        )
        for channel in job["InputDataConfig"]
    }
    assert channels == {
        "train": ("text/csv", f"{RUN}/preprocessed/train"),
        "validation": ("text/csv", f"{RUN}/preprocessed/validation"),
    }


@pytest.mark.parametrize("kind", TRAINING)
def test_a_builder_takes_from_the_algorithm_what_is_particular_to_it(
    builders: Any, abalone: Settings, kind: str
) -> None:
    other = Algorithm(
        image=Image("linear-learner", "1"),
        channels=("train",),
        content_type="text/csv;label_size=1",
        evaluate="join_predictions.py",
        objective=lambda metric: Objective(f"validation:{metric.name}_loss", "Minimize"),
    )
    training, _, _ = builders
    definition = Definition(training.build(abalone, DEPLOYMENT, kind, other))
    assert "xgboost" not in definition.built.definition
    assert "/join_predictions.py" in str(definition.resolved("Evaluate")["AppSpecification"])
    registered = definition.resolved("RegisterModel")["InferenceSpecification"]
    assert registered["SupportedContentTypes"] == ["text/csv;label_size=1"]
    step = definition.resolved("Train" if kind == "training" else "Tune")
    job = step if kind == "training" else step["TrainingJobDefinition"]
    assert "/linear-learner:1" in job["AlgorithmSpecification"]["TrainingImage"]
    channels = [(one["ChannelName"], one["ContentType"]) for one in job["InputDataConfig"]]
    assert channels == [("train", "text/csv;label_size=1")]
    if kind == "training-hpo":
        config = step["HyperParameterTuningJobConfig"]
        aim = config["HyperParameterTuningJobObjective"]
        assert aim == {"Type": "Minimize", "MetricName": "validation:mse_loss"}


def test_a_search_stays_within_its_ranges_and_its_number_of_jobs(
    build: Any, abalone: Settings
) -> None:
    request = build(abalone, "training-hpo").resolved("Tune")
    config = request["HyperParameterTuningJobConfig"]
    assert config["ResourceLimits"] == {
        "MaxNumberOfTrainingJobs": 4,
        "MaxParallelTrainingJobs": 2,
    }
    assert config["HyperParameterTuningJobObjective"] == {
        "Type": "Minimize",
        "MetricName": "validation:rmse",
    }
    ranges = config["ParameterRanges"]
    (eta,), (depth,) = ranges["ContinuousParameterRanges"], ranges["IntegerParameterRanges"]
    assert (eta["Name"], eta["MinValue"], eta["MaxValue"]) == ("eta", "0.05", "0.5")
    assert (depth["Name"], depth["MinValue"], depth["MaxValue"]) == ("max_depth", "2", "8")
    fixed = request["TrainingJobDefinition"]["StaticHyperParameters"]
    assert fixed == {"objective": "reg:squarederror", "num_round": "50"}


def test_the_best_job_of_a_search_is_evaluated_and_registered(
    build: Any, abalone: Settings
) -> None:
    definition = build(abalone, "training-hpo")
    best = f"{RUN}/models/best-job/output/model.tar.gz"
    assert inputs(definition.resolved("Evaluate"))["model"] == (best, "S3Prefix")
    specification = definition.resolved("RegisterModel")["InferenceSpecification"]
    assert specification["Containers"][0]["ModelDataUrl"] == best
    assert "Steps.Tune.TrainingJobSummaries[0].TrainingJobName" in definition.built.definition


def test_the_model_is_evaluated_on_rows_it_has_not_seen(build: Any, abalone: Settings) -> None:
    job = build(abalone, "training").resolved("Evaluate")
    assert inputs(job)["test"] == (f"{RUN}/preprocessed/test", "S3Prefix")
    command = job["AppSpecification"]["ContainerArguments"]
    assert (flag(command, "--metric"), flag(command, "--threshold")) == ("mse", "10.0")


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_a_metric_is_compared_the_way_that_is_better(
    build: Any, abalone: Settings, metric: Metric
) -> None:
    definition = build(dataclasses.replace(abalone, metric=metric), "training-hpo")
    (condition,) = definition.steps["CheckMetric"]["Arguments"]["Conditions"]
    better = "LessThanOrEqualTo" if metric.lower_is_better else "GreaterThanOrEqualTo"
    assert condition["Type"] == better
    assert condition["LeftValue"]["Std:JsonGet"]["Path"] == metric.path
    assert condition["RightValue"] == {"Get": "Parameters.MetricThreshold"}
    config = definition.resolved("Tune")["HyperParameterTuningJobConfig"]
    assert config["HyperParameterTuningJobObjective"] == {
        "Type": metric.objective.aim,
        "MetricName": metric.objective.name,
    }


def test_a_higher_r2_is_better_although_its_search_minimizes(build: Any, abalone: Settings) -> None:
    definition = build(dataclasses.replace(abalone, metric=METRICS["r2"]), "training-hpo")
    (condition,) = definition.steps["CheckMetric"]["Arguments"]["Conditions"]
    assert condition["Type"] == "GreaterThanOrEqualTo"
    assert condition["LeftValue"]["Std:JsonGet"]["Path"] == "regression_metrics.r2.value"
    message = definition.resolved("MetricMissed")["ErrorMessage"]
    assert message == "r2 is <regression_metrics.r2.value> but should be at least 10.0"
    config = definition.resolved("Tune")["HyperParameterTuningJobConfig"]
    assert config["HyperParameterTuningJobObjective"] == {
        "Type": "Minimize",
        "MetricName": "validation:rmse",
    }


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_the_condition_holds_at_the_threshold_and_on_its_better_side(
    build: Any, abalone: Settings, metric: Metric
) -> None:
    definition = build(dataclasses.replace(abalone, metric=metric), "training")
    (condition,) = definition.steps["CheckMetric"]["Arguments"]["Conditions"]
    better = -0.1 if metric.lower_is_better else 0.1
    for value, holds in ((0.8, True), (0.8 + better, True), (0.8 - better, False)):
        report = {metric.report: {metric.name: {"value": value}}}
        scope = Scope(
            parameters={"MetricThreshold": 0.8},
            execution={},
            properties={},
            property_files={"Evaluate": {"EvaluationReport": "s3://b/evaluation.json"}},
            read={"s3://b/evaluation.json": json.dumps(report)}.__getitem__,
        )
        assert scope.holds(condition) is holds


def test_a_missed_metric_says_by_how_much(build: Any, abalone: Settings) -> None:
    message = build(abalone, "training").resolved("MetricMissed")["ErrorMessage"]
    assert message == "mse is <regression_metrics.mse.value> but should be at most 10.0"


@pytest.mark.parametrize("kind", TRAINING)
def test_a_version_says_where_it_comes_from_and_what_scoring_needs(
    build: Any, abalone: Settings, kind: str
) -> None:
    package = build(abalone, kind).resolved("RegisterModel")
    assert package["ModelPackageGroupName"] == "headrace-abalone"
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert package["CustomerMetadataProperties"] == {
        "kind": kind,
        "run": "arn:aws:sagemaker:us-east-1:000000000000:pipeline/p/execution/this-run",
        "preprocessor": f"{RUN}/preprocessor/preprocessor.json",
        "training_data": f"s3://{BUCKET}/abalone/training/data/raw/",
        "training_data_type": "S3Prefix",
        "baseline_statistics": f"{RUN}/data-quality/statistics.json",
        "baseline_constraints": f"{RUN}/data-quality/constraints.json",
        "metric": "mse",
        "threshold": "10.0",
    }


def test_a_version_carries_its_evaluation_and_its_baseline(build: Any, abalone: Settings) -> None:
    package = build(abalone, "training").resolved("RegisterModel")
    metrics, drift = package["ModelMetrics"], package["DriftCheckBaselines"]
    evaluation = metrics["ModelQuality"]["Statistics"]["S3Uri"]
    assert evaluation == f"{RUN}/evaluation/evaluation.json"
    for data in (metrics["ModelDataQuality"], drift["ModelDataQuality"]):
        assert data["Statistics"]["S3Uri"] == f"{RUN}/data-quality/statistics.json"
        assert data["Constraints"]["S3Uri"] == f"{RUN}/data-quality/constraints.json"


def test_the_container_has_no_variables_for_missing_code(build: Any, abalone: Settings) -> None:
    specification = build(abalone, "training").resolved("RegisterModel")["InferenceSpecification"]
    assert not specification["Containers"][0].get("Environment")


def test_nothing_is_registered_before_its_baseline_is_there(build: Any, abalone: Settings) -> None:
    assert build(abalone, "training").steps["CheckMetric"]["DependsOn"] == ["DataQualityBaseline"]


def test_model_monitor_takes_a_baseline_without_checking_it(build: Any, abalone: Settings) -> None:
    quality = abalone.data_quality.model_copy(update={"check": "model-monitor"})
    definition = build(dataclasses.replace(abalone, data_quality=quality), "training")
    step = definition.steps["DataQualityBaseline"]
    assert (step["Type"], step["SkipCheck"], step["RegisterNewBaseline"]) == (
        *("QualityCheck", True, True),
    )
    metadata = definition.resolved("RegisterModel")["CustomerMetadataProperties"]
    assert metadata["baseline_statistics"] == f"s3://{BUCKET}/calculated/statistics.json"
