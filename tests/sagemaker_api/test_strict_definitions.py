"""CreatePipeline and UpdatePipeline refuse the definitions that AWS refuses, in its words.

`sdk#N` is an issue or pull request of aws/sagemaker-python-sdk.
"""

import copy
import json
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_cloud.sagemaker.definition import rules
from local_cloud.sagemaker.definition.errors import DefinitionError
from tests.sagemaker_api.sagemaker_cloud import ROLE
from tests.sagemaker_api.sound_definition import (
    ABSENT,
    ARGUMENTS,
    PREPARE,
    S3_INPUT,
    SOUND,
    with_change,
)

GOLDEN = Path(__file__).parents[1] / "pipeline_specs" / "golden"
PREFIX = "Unable to parse pipeline definition. "


@pytest.fixture
def refusal(sagemaker: Any, name: str) -> Any:
    """What CreatePipeline says of a definition that it refuses."""

    def create(path: Any, value: Any) -> Any:
        with pytest.raises(ClientError) as caught:
            sagemaker.create_pipeline(
                PipelineName=name,
                PipelineDefinition=json.dumps(with_change(path, value)),
                RoleArn=ROLE,
            )
        assert caught.value.response["Error"]["Code"] == "ValidationException"
        return caught.value.response["Error"]["Message"]

    return create


def test_a_sound_definition_is_taken(sagemaker: Any, name: str) -> None:
    sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=json.dumps(SOUND), RoleArn=ROLE)


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_the_projects_definitions_are_taken_and_have_no_null(
    sagemaker: Any, name: str, path: Any
) -> None:
    text = path.read_text(encoding="utf-8")
    assert ": null" not in text
    sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=text, RoleArn=ROLE)


def test_an_update_is_held_to_the_same_rules(sagemaker: Any, pipeline: str) -> None:
    broken = with_change((*ARGUMENTS, "Colour"), "red")
    with pytest.raises(ClientError, match="Unknown Argument member 'Colour'"):
        sagemaker.update_pipeline(PipelineName=pipeline, PipelineDefinition=json.dumps(broken))


@pytest.mark.parametrize(
    ("path", "member"),
    [
        ((*ARGUMENTS, "Colour"), "Colour"),
        ((*S3_INPUT, "s3Uri"), "s3Uri"),
        (
            ("Steps", 1, "Arguments", "IfSteps", 0, "Arguments", "ModelPackageName"),
            "ModelPackageName",
        ),
    ],
)
def test_an_unknown_member_of_arguments(refusal: Any, path: Any, member: Any) -> None:
    """sdk#3472 (RegisterModel's ModelPackageName, which the operation itself has), sdk#6156."""
    assert refusal(path, "x") == f"{PREFIX}Unknown Argument member '{member}'."


def test_a_member_that_pipelines_does_not_know_though_the_operation_does(refusal: Any) -> None:
    """sdk#4994."""
    model = {
        "Name": "Model",
        "Type": "Model",
        "Arguments": {"PrimaryContainer": {"Image": "i", "AdditionalModelDataSources": []}},
    }
    said = refusal(("Steps", 1), model)
    assert said == f"{PREFIX}Unknown Argument member 'AdditionalModelDataSources'."


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ((*ARGUMENTS, "RoleArn"), "CreateProcessingJobRequest"),
        ((*ARGUMENTS, "AppSpecification", "ImageUri"), "AppSpecification"),
    ],
)
def test_a_required_member_that_is_missing(refusal: Any, path: Any, shape: Any) -> None:
    """API_CreateProcessingJob: Required: Yes. The words are ours."""
    said = refusal(path, ABSENT)
    assert said == f"{PREFIX}Model Validation failed: Member '{path[-1]}' of '{shape}' is required."


@pytest.mark.parametrize(
    ("path", "value", "wanted"),
    [
        (
            (*ARGUMENTS, "NetworkConfig", "VpcConfig", "Subnets"),
            {"Get": "Parameters.Input"},
            "Array",
        ),
        ((*ARGUMENTS, "ProcessingInputs"), {}, "Array"),
        ((*ARGUMENTS, "AppSpecification"), "image", "Object"),
        (("Steps", 1, "Arguments", "IfSteps"), {}, "Array"),
    ],
)
def test_a_wrong_shape(refusal: Any, path: Any, value: Any, wanted: Any) -> None:
    """sdk#2345 (a parameter in the place of a list), sdk#3908 (Object)."""
    assert refusal(path, value) == f"{PREFIX}Expecting start of Json {wanted}."


@pytest.mark.parametrize(
    ("path", "reference", "kind"),
    [
        ((*ARGUMENTS, "Environment", "KEY"), "Parameters.Threshold", "String"),
        ((*ARGUMENTS, "AppSpecification", "ContainerArguments", 1), "Parameters.Count", "String"),
        (
            (*ARGUMENTS, "ProcessingResources", "ClusterConfig", "InstanceCount"),
            "Parameters.Kind",
            "Integer",
        ),
    ],
)
def test_a_parameter_of_another_type_than_the_argument(
    refusal: Any, path: Any, reference: Any, kind: Any
) -> None:
    """sdk#4867."""
    said = refusal(path, {"Get": reference})
    assert said == (f"Cannot assign property reference [{reference}] to argument of type [{kind}]")


def test_a_join_is_text_whatever_is_joined(sagemaker: Any, name: str) -> None:
    """The SDK's own to_string(): a Join of one value."""
    joined = {"Std:Join": {"On": "", "Values": [{"Get": "Parameters.Threshold"}]}}
    document = with_change((*ARGUMENTS, "Environment", "KEY"), joined)
    sagemaker.create_pipeline(
        PipelineName=name, PipelineDefinition=json.dumps(document), RoleArn=ROLE
    )


def test_a_literal_that_is_not_in_the_enumeration(refusal: Any) -> None:
    """sdk#4711."""
    assert refusal((*S3_INPUT, "S3InputMode"), "FastFile") == (
        f"{PREFIX}Model Validation failed: Value 'FastFile' for 'ProcessingS3InputMode' failed to "
        "satisfy enum value set: [Pipe, File]"
    )


def test_a_list_that_is_too_short(refusal: Any) -> None:
    """sdk#6156, there of InputDataConfig."""
    path = (*ARGUMENTS, "AppSpecification", "ContainerArguments")
    assert refusal(path, []) == (
        f"{PREFIX}Model Validation failed: Length of container ContainerArguments=0 cannot be less "
        "than min=1."
    )


def test_a_list_that_is_too_long_is_the_runs_affair(sagemaker: Any, name: str) -> None:
    """sdk#2554: eleven inputs are taken here and refused by CreateProcessingJob."""
    inputs = copy.deepcopy(SOUND["Steps"][0]["Arguments"]["ProcessingInputs"]) * 11
    document = with_change((*ARGUMENTS, "ProcessingInputs"), inputs)
    sagemaker.create_pipeline(
        PipelineName=name, PipelineDefinition=json.dumps(document), RoleArn=ROLE
    )


def test_a_literal_of_another_type(refusal: Any) -> None:
    """API_ProcessingClusterConfig: Type: Integer. The words are ours."""
    path = (*ARGUMENTS, "ProcessingResources", "ClusterConfig", "VolumeSizeInGB")
    assert "Value \"30\" for 'ProcessingVolumeSizeInGB' is not of type" in refusal(path, "30")


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ((*S3_INPUT, "S3Uri"), {"Get": "Parameters.Nothing"}, "unknown parameter Nothing"),
        ((*S3_INPUT, "S3Uri"), {"Get": "Steps.Nothing.Arn"}, "unknown step Nothing"),
        ((*S3_INPUT, "S3Uri"), {"Get": "Execution.Colour"}, "unknown variable Execution.Colour"),
        ((*S3_INPUT, "S3Uri"), {"Get": "Weather.Rain"}, "in no known scope"),
        ((*PREPARE, "DependsOn"), ["Nothing"], "unknown step Nothing"),
        ((*PREPARE, "DependsOn"), ["Check"], "wait for each other"),
        ((*PREPARE, "PropertyFiles"), [], "unknown property file Steps.Prepare.PropertyFiles"),
        (("Steps", 1, "Arguments", "IfSteps", 0, "Name"), "Prepare", "Two steps are named Prepare"),
    ],
)
def test_what_cannot_be_a_graph(refusal: Any, path: Any, value: Any, says: Any) -> None:
    """Developer guide, "Pipeline steps" and "Pass data between steps"; sdk#3642 for files."""
    assert says in refusal(path, value)


def test_a_step_that_depends_on_a_fail_step(refusal: Any) -> None:
    """The SDK's integration tests against the service, test_fail_steps.py."""
    late = {"Name": "Late", "Type": "Fail", "Arguments": {}, "DependsOn": ["Missed"]}
    assert refusal(("Steps",), [*SOUND["Steps"], late]) == "Late can not depends on Missed"


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("Parameters", 3, "DefaultValue"), "c", "must be one of ['a', 'b'], not 'c'"),
        (("Parameters", 3, "EnumValues"), [], "must be a list that is not empty"),
        (("Parameters", 1, "DefaultValue"), "1", "Count is of type Integer; '1' is not"),
        (("Parameters", 1, "DefaultValue"), True, "Count is of type Integer; True is not"),
        (("Parameters", 0, "DefaultValue"), 7, "Input is of type String; 7 is not"),
        (("Parameters", 0, "Name"), "Count", "Count is there twice"),
        (("Parameters", 0, "Type"), "Text", "must have a Type of"),
        (("Parameters", 0, "Default"), "x", "unknown property 'Default'"),
    ],
)
def test_a_parameter_that_contradicts_itself(
    refusal: Any, path: Any, value: Any, says: Any
) -> None:
    """The definition schema of SageMaker Pipelines, Parameter. The words are ours."""
    assert says in refusal(path, value)


@pytest.mark.parametrize(
    ("path", "value", "name_of_it"),
    [
        (("Color",), "red", "Color"),
        ((*PREPARE, "Retry"), [], "Retry"),
        ((*PREPARE, "CacheConfig"), {"Enable": True}, "Enable"),
        (
            ("Steps", 1, "Arguments", "Conditions", 0),
            {
                "Type": "Not",
                "Expression": {"Type": "Equals", "LeftValue": 1, "RightValue": 2},
            },
            "Expression",
        ),
    ],
)
def test_an_unknown_property(refusal: Any, path: Any, value: Any, name_of_it: Any) -> None:
    """sdk#2746, there of a condition."""
    said = refusal(path, value)
    assert said == f"{PREFIX}Cannot parse object, unknown property '{name_of_it}'."


def test_a_null_member(refusal: Any) -> None:
    """sdk#2746 suspects them; the words are ours."""
    assert refusal((*S3_INPUT, "S3CompressionType"), None) == (
        f"{PREFIX}Member 'S3CompressionType' must not be null."
    )


def test_null_is_taken_where_the_sdk_always_writes_it(sagemaker: Any, name: str) -> None:
    """The SDK's integration tests create pipelines with these two null."""
    document = SOUND | {"MlflowConfig": None, "PipelineExperimentConfig": None}
    sagemaker.create_pipeline(
        PipelineName=name, PipelineDefinition=json.dumps(document), RoleArn=ROLE
    )


def test_an_unknown_type_of_step(refusal: Any) -> None:
    """The SDK's StepTypeEnum."""
    assert "has Type 'Magic'" in refusal((*PREPARE, "Type"), "Magic")


def paths(value: Any, path: Any = ()) -> Any:
    """Every place in a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from paths(inner, (*path, key))


def test_whatever_stands_anywhere_is_taken_or_refused_and_never_a_fault() -> None:
    strange: tuple[Any, ...] = (
        None,
        1,
        True,
        "",
        [],
        {},
        [{}],
        [1],
        {"Get": 1},
        {"Get": "x"},
        {"Std:Join": 1},
    )
    counts: Counter[str] = Counter()
    for path, value in product(paths(SOUND), strange):
        try:
            rules.check(with_change(path, value))
        except DefinitionError:
            counts["refused"] += 1
        else:
            counts["taken"] += 1
    assert counts["refused"] > counts["taken"]


def test_an_unknown_type_of_condition(refusal: Any) -> None:
    """The SDK's ConditionTypeEnum."""
    condition = {"Type": "And", "Conditions": []}
    assert "Condition type 'And'" in refusal(("Steps", 1, "Arguments", "Conditions", 0), condition)
