"""A Processing step that runs a script of the test's."""

from __future__ import annotations

from typing import Any

from tests.engine.engine_cloud import SKLEARN, Cloud


def processing(
    cloud: Cloud,
    name: str,
    script: str,
    *,
    role: str,
    inputs: dict[str, Any] | None = None,
    outputs: dict[str, Any] | None = None,
    continuous: tuple[str, ...] = (),
    **members: Any,
) -> dict[str, Any]:
    """A Processing step that runs `script`; `members` of the step or of its arguments."""
    code = cloud.put(f"code/{name}/script.py", script)
    sources = {**(inputs or {}), "code": code}
    arguments: dict[str, Any] = {
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": "ml.m5.xlarge",
                "InstanceCount": 1,
                "VolumeSizeInGB": 30,
            }
        },
        "AppSpecification": {
            "ImageUri": members.pop("image", SKLEARN),
            "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/script.py"],
            "ContainerArguments": members.pop("container_arguments", ["--x", "1"]),
        },
        "RoleArn": role,
        "ProcessingInputs": [
            {
                "InputName": key,
                "S3Input": {
                    "S3Uri": uri,
                    "LocalPath": f"/opt/ml/processing/input/{key}",
                    "S3DataType": members.get("data_type", "S3Prefix")
                    if key != "code"
                    else "S3Prefix",
                    "S3InputMode": "File",
                },
            }
            for key, uri in sources.items()
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": key,
                    "S3Output": {
                        "S3Uri": uri,
                        "LocalPath": f"/opt/ml/processing/output/{key}",
                        "S3UploadMode": "Continuous" if key in continuous else "EndOfJob",
                    },
                }
                for key, uri in (outputs or {}).items()
            ]
        },
    }
    members.pop("data_type", None)
    arguments |= members.pop("arguments", {})
    return {"Name": name, "Type": "Processing", "Arguments": arguments, **members}


def output_of(step: str, output: str) -> dict[str, str]:
    path = f"Steps.{step}.ProcessingOutputConfig.Outputs['{output}'].S3Output.S3Uri"
    return {"Get": path}
