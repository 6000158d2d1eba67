"""A definition that CreatePipeline takes, and the same with one thing changed."""

from __future__ import annotations

import copy
from typing import Any

from tests.sagemaker_api.sagemaker_cloud import ROLE

SOUND: dict[str, Any] = {
    "Version": "2020-12-01",
    "Metadata": {},
    "Parameters": [
        {"Name": "Input", "Type": "String", "DefaultValue": "s3://b/raw/"},
        {"Name": "Count", "Type": "Integer", "DefaultValue": 1},
        {"Name": "Threshold", "Type": "Float", "DefaultValue": 10},
        {"Name": "Kind", "Type": "String", "DefaultValue": "a", "EnumValues": ["a", "b"]},
    ],
    "Steps": [
        {
            "Name": "Prepare",
            "Type": "Processing",
            "Arguments": {
                "RoleArn": ROLE,
                "AppSpecification": {"ImageUri": "image", "ContainerArguments": ["--x", "1"]},
                "Environment": {"KEY": {"Get": "Parameters.Kind"}},
                "ProcessingResources": {
                    "ClusterConfig": {
                        "InstanceType": "ml.m5.large",
                        "InstanceCount": {"Get": "Parameters.Count"},
                        "VolumeSizeInGB": 30,
                    }
                },
                "ProcessingInputs": [
                    {
                        "InputName": "data",
                        "S3Input": {
                            "S3Uri": {"Get": "Parameters.Input"},
                            "LocalPath": "/opt/ml/processing/input",
                            "S3DataType": {"Get": "Parameters.Kind"},
                            "S3InputMode": "File",
                        },
                    }
                ],
                "NetworkConfig": {"VpcConfig": {"SecurityGroupIds": ["g"], "Subnets": ["s"]}},
            },
            "PropertyFiles": [
                {"PropertyFileName": "Report", "OutputName": "o", "FilePath": "r.json"}
            ],
        },
        {
            "Name": "Check",
            "Type": "Condition",
            "Arguments": {
                "Conditions": [
                    {
                        "Type": "LessThanOrEqualTo",
                        "LeftValue": {
                            "Std:JsonGet": {
                                "PropertyFile": {"Get": "Steps.Prepare.PropertyFiles.Report"},
                                "Path": "mse",
                            }
                        },
                        "RightValue": {"Get": "Parameters.Threshold"},
                    }
                ],
                "IfSteps": [
                    {
                        "Name": "Register",
                        "Type": "RegisterModel",
                        "Arguments": {
                            "ModelPackageGroupName": "group",
                            "InferenceSpecification": {
                                "Containers": [{"Image": "i", "ModelDataUrl": "s3://b/m"}],
                                "SupportedContentTypes": ["text/csv"],
                                "SupportedResponseMIMETypes": ["text/csv"],
                            },
                        },
                    }
                ],
                "ElseSteps": [{"Name": "Missed", "Type": "Fail", "Arguments": {}}],
            },
        },
    ],
}
PREPARE = ("Steps", 0)
ARGUMENTS = (*PREPARE, "Arguments")
S3_INPUT = (*ARGUMENTS, "ProcessingInputs", 0, "S3Input")
ABSENT = object()


def with_change(path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """The sound definition with another value at a path, or without what is there."""
    document = copy.deepcopy(SOUND)
    inner: Any = document
    for part in path[:-1]:
        inner = inner[part]
    if value is ABSENT:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return document
