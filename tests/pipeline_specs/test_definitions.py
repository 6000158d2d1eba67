"""All four pipelines: what holds for every definition that the builders make."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest
from headrace.domain.model_version import PIPELINE_TAG

from local_cloud.sagemaker.core.validation import checked_request
from pipeline_specs import ROOT
from pipeline_specs.config.settings import Settings
from tests.pipeline_specs.pipeline_samples import BUCKET, DEPLOYMENT, KINDS, NOWHERE

OPERATIONS = {
    "Processing": ("CreateProcessingJob", {"ProcessingJobName": "job"}),
    "QualityCheck": ("CreateProcessingJob", {"ProcessingJobName": "job"}),
    "Training": ("CreateTrainingJob", {"TrainingJobName": "job"}),
    "Tuning": ("CreateHyperParameterTuningJob", {"HyperParameterTuningJobName": "job"}),
    "Transform": ("CreateTransformJob", {"TransformJobName": "job"}),
    "Model": ("CreateModel", {"ModelName": "model"}),
    "RegisterModel": ("CreateModelPackage", {}),
}
CHECKS = ("processing", "model-monitor")


def with_check(settings: Settings, check: Any) -> Settings:
    quality = settings.data_quality.model_copy(update={"check": check})
    return dataclasses.replace(settings, data_quality=quality)


def strict(settings: Settings) -> Settings:
    """Settings of an account with rules of its own."""
    return dataclasses.replace(
        settings,
        role_arn="arn:aws:iam::000000000000:role/ours",
        kms_key="arn:aws:kms:us-east-1:000000000000:key/ours",
        subnets=("subnet-1",),
        security_groups=("sg-1",),
        network_isolation=True,
        cache_expire_after="P7D",
        tags=(("team", "scores"),),
    )


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_output_is_under_the_runs_own_folder(
    build: Any, abalone: Settings, kind: str, check: str
) -> None:
    outputs = build(with_check(abalone, check), kind).outputs()
    assert len(outputs) >= (1 if kind == "model-quality" else 6)
    for where, uri in outputs.items():
        assert uri.startswith(f"s3://{BUCKET}/abalone/runs/this-run/"), where


def test_outputs_lie_where_people_look_for_them(build: Any, abalone: Settings) -> None:
    run = f"s3://{BUCKET}/abalone/runs/this-run"
    training, inference = (build(abalone, kind).outputs() for kind in ("training", "inference"))
    assert training == {
        "Preprocess.train": f"{run}/preprocessed/train",
        "Preprocess.validation": f"{run}/preprocessed/validation",
        "Preprocess.test": f"{run}/preprocessed/test",
        "Preprocess.baseline": f"{run}/preprocessed/baseline",
        "Preprocess.preprocessor": f"{run}/preprocessor",
        "DataQualityBaseline.data-quality": f"{run}/data-quality",
        "Train": f"{run}/models",
        "Evaluate.evaluation": f"{run}/evaluation",
    }
    assert inference == {
        "Preprocess.features": f"{run}/features",
        "Preprocess.monitored": f"{run}/monitored",
        "Predict": f"{run}/scores",
        "JoinPredictions.predictions": f"{run}/predictions",
        "DataQualityCheck.data-quality": f"{run}/data-quality",
        "ModelQuality.model-quality": f"{run}/model-quality",
    }


@pytest.mark.parametrize("strictly", [False, True])
@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("kind", KINDS)
def test_sagemaker_takes_every_request_in_a_definition(
    build: Any, abalone: Settings, kind: str, check: str, strictly: bool
) -> None:
    settings = with_check(strict(abalone) if strictly else abalone, check)
    definition = build(settings, kind)
    for name, step in definition.steps.items():
        if step["Type"] not in ("Condition", "Fail"):
            operation, required = OPERATIONS[step["Type"]]
            checked_request(operation, {**definition.resolved(name), **required})


@pytest.mark.parametrize("kind", KINDS)
def test_everything_that_may_be_long_is_short_enough_for_a_container(
    build: Any, abalone: Settings, kind: str
) -> None:
    column = abalone.data.columns[0]
    many = (
        *(column.model_copy(update={"name": f"c{i}"}) for i in range(500)),
        *abalone.data.columns,
    )
    wide = dataclasses.replace(abalone, data=abalone.data.model_copy(update={"columns": many}))
    definition = build(wide, kind)
    for name in definition.steps:
        arguments = definition.resolved(name).get("AppSpecification", {})
        for one in arguments.get("ContainerArguments", []):
            assert len(one) <= 256, (name, one)


@pytest.mark.parametrize("kind", KINDS)
def test_the_accounts_own_rules_reach_every_job(build: Any, abalone: Settings, kind: str) -> None:
    definition = build(strict(abalone), kind)
    tags, vpc = (
        [{"Key": "team", "Value": "scores"}],
        {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
    )
    for name, step in definition.steps.items():
        arguments = definition.resolved(name)
        if step["Type"] in ("Condition", "Fail", "RegisterModel"):
            continue
        own = [{"Key": PIPELINE_TAG, "Value": abalone.project.pipelines.inference}]
        assert arguments["Tags"] == tags + own * (step["Type"] == "Model"), name
        training = arguments.get("TrainingJobDefinition", arguments)
        network = training.get("NetworkConfig", training)
        if step["Type"] != "Transform":  # a transform job runs in its model's network
            assert network["VpcConfig"] == vpc, name
            assert network["EnableNetworkIsolation"] is True, name
        if step["Type"] != "Model":
            # One for what is written, one for the disk.
            assert json.dumps(arguments).count("key/ours") == 2, name
        if step["Type"] != "Transform":
            assert "role/ours" in json.dumps(arguments), name
    assert definition.built.role_arn == "arn:aws:iam::000000000000:role/ours"


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_special_is_asked_for_by_default(build: Any, abalone: Settings, kind: str) -> None:
    text = build(abalone, kind).built.definition
    for word in ("KmsKey", "VpcConfig", "NetworkConfig", "CacheConfig"):
        assert word not in text


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_of_the_service_is_retried_and_a_failure_of_ours_is_not(
    build: Any, abalone: Settings, kind: str
) -> None:
    for name, step in build(abalone, kind).steps.items():
        if step["Type"] in ("Condition", "Fail"):
            continue
        kinds = {kind for policy in step["RetryPolicies"] for kind in policy["ExceptionType"]}
        assert kinds >= {"Step.SERVICE_FAULT", "Step.THROTTLING"}, name
        assert "SageMaker.JOB_INTERNAL_ERROR" not in kinds, name
    quiet = build(dataclasses.replace(abalone, retries=None), kind)
    assert "RetryPolicies" not in quiet.built.definition


def test_only_training_is_cached_and_a_search_never(build: Any, abalone: Settings) -> None:
    cached = dataclasses.replace(abalone, cache_expire_after="P7D")
    steps = {
        kind: {name for name, step in build(cached, kind).steps.items() if "CacheConfig" in step}
        for kind in KINDS
    }
    assert steps == {
        "training": {"Preprocess", "DataQualityBaseline", "Train", "Evaluate"},
        "training-hpo": {"Preprocess", "DataQualityBaseline", "Evaluate"},
        "inference": set(),
        "model-quality": set(),
    }


@pytest.mark.parametrize("kind", KINDS)
def test_the_code_of_every_job_is_under_the_hash_of_its_content(
    build: Any, abalone: Settings, kind: str
) -> None:
    definition = build(abalone, kind)
    uploaded = {
        f"s3://{BUCKET}/{bundle.folder('abalone')}{name}"
        for bundle in definition.built.code
        for name, _ in bundle.files
    }
    used = re.findall(r"s3://[^\"]*/code/[0-9a-f]{64}/", definition.built.definition)
    assert {uri.rsplit("/", 1)[0] + "/" for uri in uploaded} == set(used)
    for name, step in definition.steps.items():
        if step["Type"] == "Processing":
            arguments = definition.resolved(name)
            script = arguments["AppSpecification"]["ContainerEntrypoint"][1].rsplit("/", 1)[1]
            inputs = {i["InputName"]: i["S3Input"]["S3Uri"] for i in arguments["ProcessingInputs"]}
            assert inputs["code"] + script in uploaded, name


BUILD_ALL = f"""
from tests.pipeline_specs.pipeline_samples import model_package
from pipeline_specs.config import settings
from pipeline_specs.pipelines import inference, model_quality, training
from pipeline_specs.pipelines.built import Deployment
where = Deployment({DEPLOYMENT.bucket!r}, {DEPLOYMENT.role_arn!r}, {DEPLOYMENT.region!r})
abalone, _ = settings.load("abalone")
print(inference.build(abalone, where, model_package()).definition)
print(model_quality.build(abalone, where, model_package()).definition)
print(training.build(abalone, where, "training").definition)
print(training.build(abalone, where, "training-hpo").definition)
"""


def test_another_process_builds_the_same_bytes_in_silence(build: Any, abalone: Settings) -> None:
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "pipeline_specs")])
    environment = {**NOWHERE, "PATH": os.environ["PATH"], "PYTHONPATH": path, "PYTHONHASHSEED": "7"}
    there = subprocess.run(
        [sys.executable, "-c", BUILD_ALL],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    kinds = ("inference", "model-quality", "training", "training-hpo")
    assert there.stdout.splitlines() == [build(abalone, kind).built.definition for kind in kinds]
    assert there.stderr == ""
