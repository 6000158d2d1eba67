"""Small pipeline definitions, for the facts about pipelines."""

from __future__ import annotations

from typing import Any

Step = dict[str, Any]


def definition(*steps: Step, parameters: tuple[Any, ...] = ()) -> dict[str, Any]:
    """Return a definition of these steps."""
    return {
        "Version": "2020-12-01",
        "Metadata": {},
        "Parameters": list(parameters),
        "Steps": list(steps),
    }


def fail(name: str, message: Any = "stopped on purpose", **more: Any) -> Step:
    """Return a Fail step."""
    return {"Name": name, "Type": "Fail", "Arguments": {"ErrorMessage": message}, **more}


def condition(name: str, holds: bool, *then: Step, **more: Any) -> Step:
    """Return a Condition step that `holds`, or not."""
    equal = {"Type": "Equals", "LeftValue": 1, "RightValue": 1 if holds else 2}
    arguments = {"Conditions": [equal], "IfSteps": list(then), "ElseSteps": []}
    return {"Name": name, "Type": "Condition", "Arguments": arguments, **more}


def processing(name: str, role: str, image: str, program: str, **more: Any) -> Step:
    """Return a Processing step that runs a Python program on the smallest instance."""
    cluster = {"InstanceType": "ml.t3.medium", "InstanceCount": 1, "VolumeSizeInGB": 1}
    arguments = {
        "ProcessingResources": {"ClusterConfig": cluster},
        "AppSpecification": {
            "ImageUri": image,
            "ContainerEntrypoint": ["python3", "-c", program],
        },
        "RoleArn": role,
        "StoppingCondition": {"MaxRuntimeInSeconds": 600},
    }
    return {"Name": name, "Type": "Processing", "Arguments": arguments | more}
