"""What the tests of the pipelines build from, and definitions in the words of these tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from pipeline_specs.pipelines.built import BuiltPipeline, Deployment
from pipeline_specs.pipelines.model_version import ModelPackage

NOWHERE = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",  # nothing listens there: a call would fail
    "AWS_MAX_ATTEMPTS": "1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}
BUCKET = "headrace-data"
DEPLOYMENT = Deployment(BUCKET, "arn:aws:iam::000000000000:role/headrace-pipelines", "us-east-1")
PACKAGE_ARN = "arn:aws:sagemaker:us-east-1:000000000000:model-package/headrace-abalone/3"
RUN_OF_PACKAGE = f"s3://{BUCKET}/abalone/runs/trained"
KINDS = ("training", "training-hpo", "inference", "model-quality")


def described(project: str = "abalone", **changes: Any) -> dict[str, Any]:
    """What DescribeModelPackage says of a version that a project's training registered."""
    run = RUN_OF_PACKAGE.replace("abalone", project)
    return {
        "ModelPackageArn": PACKAGE_ARN.replace("abalone", project),
        "ModelPackageGroupName": f"headrace-{project}",
        "ModelPackageVersion": 3,
        "CreationTime": datetime(2026, 11, 1, tzinfo=UTC),
        "ModelApprovalStatus": "Approved",
        "InferenceSpecification": {
            "Containers": [
                {
                    "Image": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5",
                    "ModelDataUrl": f"{run}/models/job/output/model.tar.gz",
                }
            ]
        },
        "CustomerMetadataProperties": {
            "kind": "training",
            "preprocessor": f"{run}/preprocessor/preprocessor.json",
            "baseline_statistics": f"{run}/data-quality/statistics.json",
            "baseline_constraints": f"{run}/data-quality/constraints.json",
        },
        **changes,
    }


def model_package(project: str = "abalone", **changes: Any) -> ModelPackage:
    return ModelPackage.parse(described(project, **changes))


class Definition:
    """A built pipeline's definition, with what is only known in a run put in its place."""

    def __init__(self, built: BuiltPipeline) -> None:
        self.built = built
        self.document = json.loads(built.definition)
        self.parameters = {
            parameter["Name"]: parameter.get("DefaultValue", f"s3://{BUCKET}/{parameter['Name']}")
            for parameter in self.document["Parameters"]
        }
        self.steps = {step["Name"]: step for step in _flat(self.document["Steps"])}

    def resolved(self, name: str) -> Any:
        """The arguments of a step, as a run of the id `this-run` would send them."""
        return self._value(self.steps[name]["Arguments"])

    def order(self) -> list[str]:
        return list(self.steps)

    def outputs(self) -> dict[str, str]:
        """Every S3 URI that the pipeline writes to, by step and output."""
        found = {}
        for name, step in self.steps.items():
            arguments = self.resolved(name)
            for output in arguments.get("ProcessingOutputConfig", {}).get("Outputs", []):
                found[f"{name}.{output['OutputName']}"] = output["S3Output"]["S3Uri"]
            training = arguments.get("TrainingJobDefinition", arguments)
            if step["Type"] in ("Training", "Tuning"):
                found[name] = training["OutputDataConfig"]["S3OutputPath"]
            if step["Type"] == "Transform":
                found[name] = arguments["TransformOutput"]["S3OutputPath"]
        return found

    def _value(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._value(one) for one in value]
        if not isinstance(value, dict):
            return value
        match value:
            case {"Get": str(path)}:
                return self._got(path)
            case {"Std:Join": {"On": on, "Values": values}}:
                return on.join(str(self._value(one)) for one in values)
            case {"Std:JsonGet": {"Path": path}}:
                return f"<{path}>"
        return {key: self._value(inner) for key, inner in value.items()}

    def _got(self, path: str) -> Any:
        kind, name = path.split(".")[:2]
        if kind == "Parameters":
            return self.parameters[name]
        if kind == "Execution":
            return {
                "PipelineExecutionId": "this-run",
                "PipelineExecutionArn": "arn:aws:sagemaker:us-east-1:000000000000:pipeline/p/"
                "execution/this-run",
            }[name]
        if ".Outputs['" in path:
            wanted = path.split("'")[1]
            outputs = self.resolved(name)["ProcessingOutputConfig"]["Outputs"]
            return next(o["S3Output"]["S3Uri"] for o in outputs if o["OutputName"] == wanted)
        if path.endswith("TransformOutput.S3OutputPath"):
            return self.resolved(name)["TransformOutput"]["S3OutputPath"]
        return {
            "S3ModelArtifacts": f"s3://{BUCKET}/abalone/runs/this-run/models/job/output/model.tar.gz",
            "TrainingJobName": "best-job",
            "ModelName": "the-model",
            "CalculatedBaselineStatistics": f"s3://{BUCKET}/calculated/statistics.json",
            "CalculatedBaselineConstraints": f"s3://{BUCKET}/calculated/constraints.json",
        }[path.rsplit(".", 1)[-1]]


def _flat(steps: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for step in steps:
        yield step
        if step["Type"] == "Condition":
            yield from _flat([*step["Arguments"]["IfSteps"], *step["Arguments"]["ElseSteps"]])


def flag(arguments: list[str], name: str) -> str:
    """The value of an option on a command line."""
    return arguments[arguments.index(name) + 1]


def inputs(arguments: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """What a processing job reads: name -> (URI, type)."""
    return {
        one["InputName"]: (one["S3Input"]["S3Uri"], one["S3Input"]["S3DataType"])
        for one in arguments["ProcessingInputs"]
    }
