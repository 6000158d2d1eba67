"""The adapter deletes models of the stack's own pipelines, no others."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from headrace.adapters.sagemaker import SageMaker
from headrace.domain.model_version import PIPELINE_TAG
from headrace.use_cases.old_models import delete_models

from tests.sagemaker_api.sagemaker_cloud import INPUT, ROLE, Cloud
from tests.sagemaker_api.test_sagemaker_access import ARN, allow, user

__all__ = ["user"]  # a fixture


def created(sagemaker: Any, name: str, pipeline: str) -> str:
    """Create a model as a scoring run does; return its ARN."""
    return str(
        sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=ROLE,
            PrimaryContainer={"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/x:1"},
            Tags=[{"Key": PIPELINE_TAG, "Value": pipeline}],
        )["ModelArn"]
    )


def names(sagemaker: Any, part: str) -> list[str]:
    return [one["ModelName"] for one in sagemaker.list_models(NameContains=part)["Models"]]


@pytest.fixture
def reconcile(name: str, user: Callable[..., Any]) -> SageMaker:
    """SageMaker with the permissions that the template gives reconcile."""
    own = {"StringLike": {f"aws:ResourceTag/{PIPELINE_TAG}": "headrace-*"}}
    return SageMaker(
        user(
            allow("sagemaker:DeleteModel", f"{ARN}:model/pipelines-*", Condition=own),
            allow(
                ["sagemaker:ListPipelineExecutions", "sagemaker:ListPipelineExecutionSteps"],
                f"{ARN}:pipeline/*",
            ),
        )
    )


def test_a_model_of_another_stack_or_of_a_person_is_not_deleted(
    sagemaker: Any, name: str, reconcile: SageMaker
) -> None:
    created(sagemaker, f"pipelines-{name}-own", "headrace-abalone-inference")
    created(sagemaker, f"pipelines-{name}-other", "other-abalone-inference")
    created(sagemaker, f"{name}-person", "headrace-abalone-inference")
    assert reconcile.delete_model(f"pipelines-{name}-own")
    for model in (f"pipelines-{name}-other", f"{name}-person"):
        assert not reconcile.delete_model(model)
    assert len(names(sagemaker, name)) == 2


def test_a_run_that_ended_loses_its_model_and_one_that_goes_on_keeps_it(
    cloud: Cloud, sagemaker: Any, pipeline: str, name: str, reconcile: SageMaker
) -> None:
    for number, status in enumerate(("Succeeded", "Executing")):
        run = sagemaker.start_pipeline_execution(PipelineName=pipeline, PipelineParameters=INPUT)
        arn = run["PipelineExecutionArn"]
        model = created(sagemaker, f"pipelines-{name}-{number}", "headrace-abalone-inference")
        step = {
            "StepName": "CreateModel",
            "StepType": "Model",
            "StepStatus": "Succeeded",
            "StartTime": datetime.now(UTC),
            "Metadata": {"Model": {"Arn": model}},
        }
        assert cloud.engine("step_changed", arn, step) is None
        if status != "Executing":
            assert cloud.engine("execution_changed", arn, status) is None
    later = datetime.now(UTC).timestamp() + 60
    assert delete_models(reconcile, pipeline, 0.0, 1.0, pytest.fail) == 0.0
    done = delete_models(reconcile, pipeline, 0.0, later, pytest.fail)
    assert names(sagemaker, f"pipelines-{name}") == [f"pipelines-{name}-1"]
    # The same run again: its model is gone, and that is no error.
    said: list[str] = []
    assert delete_models(reconcile, pipeline, done - 1, later, said.append) == done
    assert len(said) == 1
