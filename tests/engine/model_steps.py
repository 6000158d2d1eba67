"""Definitions of training, tuning, model and transform steps on a small real regression."""

from __future__ import annotations

import random
from typing import Any

from tests.engine.engine_cloud import XGBOOST, Cloud

HYPERPARAMETERS = {
    "objective": "reg:squarederror",
    "num_round": "12",
    "max_depth": "3",
    "eta": "0.3",
    "eval_metric": "rmse",
}


def rows(count: int, seed: int = 1) -> list[str]:
    """Label first, then two features: y = 3a - b."""
    source = random.Random(seed)  # noqa: S311 - test data
    made = []
    for _ in range(count):
        a, b = source.random(), source.random()
        made.append(f"{3 * a - b:.5f},{a:.5f},{b:.5f}")
    return made


def put_channels(cloud: Cloud) -> None:
    cloud.put("data/train/part-1.csv", "\n".join(rows(200, 1)) + "\n")
    cloud.put("data/train/part-2.csv", "\n".join(rows(200, 2)))
    cloud.put("data/validation/v.csv", "\n".join(rows(100, 3)))


def channel(cloud: Cloud, name: str) -> dict[str, Any]:
    return {
        "ChannelName": name,
        "ContentType": "text/csv",
        "DataSource": {
            "S3DataSource": {
                "S3DataType": "S3Prefix",
                "S3Uri": cloud.uri(f"data/{name}"),
                "S3DataDistributionType": "FullyReplicated",
            }
        },
    }


def _common(cloud: Cloud, role: str) -> dict[str, Any]:
    return {
        "AlgorithmSpecification": {"TrainingInputMode": "File", "TrainingImage": XGBOOST},
        "RoleArn": role,
        "OutputDataConfig": {"S3OutputPath": cloud.uri("models"), "CompressionType": "GZIP"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
        "InputDataConfig": [channel(cloud, "train"), channel(cloud, "validation")],
    }


RESOURCES = {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 30}


def training(cloud: Cloud, role: str, **hyperparameters: str) -> dict[str, Any]:
    arguments = {
        **_common(cloud, role),
        "ResourceConfig": RESOURCES,
        "HyperParameters": {**HYPERPARAMETERS, **hyperparameters},
    }
    return {"Name": "Train", "Type": "Training", "Arguments": arguments}


def tuning(
    cloud: Cloud, role: str, *, strategy: str = "Bayesian", plural: bool = False
) -> dict[str, Any]:
    ranges = {
        "IntegerParameterRanges": [
            {"Name": "max_depth", "MinValue": "1", "MaxValue": "6", "ScalingType": "Auto"}
        ],
        "ContinuousParameterRanges": [
            {"Name": "eta", "MinValue": "0.001", "MaxValue": "0.5", "ScalingType": "Auto"}
        ],
        "CategoricalParameterRanges": [{"Name": "booster", "Values": ["gbtree", "dart"]}],
    }
    if strategy == "Grid":
        ranges = {"CategoricalParameterRanges": [{"Name": "max_depth", "Values": ["1", "4"]}]}
    objective = {"Type": "Minimize", "MetricName": "validation:rmse"}
    definition = {
        **_common(cloud, role),
        "StaticHyperParameters": {
            k: v for k, v in HYPERPARAMETERS.items() if k not in ("max_depth", "eta")
        },
    }
    config: dict[str, Any] = {
        "Strategy": strategy,
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 4, "MaxParallelTrainingJobs": 2},
        "RandomSeed": 7,
    }
    arguments: dict[str, Any] = {"HyperParameterTuningJobConfig": config}
    if plural:
        definition |= {
            "DefinitionName": "only",
            "TuningObjective": objective,
            "HyperParameterRanges": ranges,
            "ResourceConfig": RESOURCES,
        }
        arguments["TrainingJobDefinitions"] = [definition]
    else:
        config["HyperParameterTuningJobObjective"] = objective
        config["ParameterRanges"] = ranges
        definition["HyperParameterTuningResourceConfig"] = RESOURCES
        arguments["TrainingJobDefinition"] = definition
    return {"Name": "Tune", "Type": "Tuning", "Arguments": arguments}


def model(
    role: str,
    data: Any = None,
    image: str = XGBOOST,
    environment: dict[str, str] | None = None,
) -> dict[str, Any]:
    container = {
        "Image": image,
        "ModelDataUrl": data or {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"},
        "Environment": environment or {},
    }
    arguments = {"ExecutionRoleArn": role, "PrimaryContainer": container}
    return {"Name": "CreateModel", "Type": "Model", "Arguments": arguments}


def transform(cloud: Cloud, **members: Any) -> dict[str, Any]:
    """Reads s3://.../in/, writes s3://.../out/; `members` replace those of the request."""
    arguments = {
        "ModelName": {"Get": "Steps.CreateModel.ModelName"},
        "BatchStrategy": "MultiRecord",
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": cloud.uri("in/")}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
        "TransformOutput": {
            "S3OutputPath": cloud.uri("out"),
            "Accept": "text/csv",
            "AssembleWith": "Line",
        },
        "TransformResources": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
        **members,
    }
    return {"Name": "Predict", "Type": "Transform", "Arguments": arguments}
