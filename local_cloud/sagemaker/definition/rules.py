"""The rules that CreatePipeline and UpdatePipeline hold a definition against.

Each rule names where it is known from. `sdk#N` is an issue or pull request of
aws/sagemaker-python-sdk, `sdk-integ` its tests against the service; `schema` the published
definition schema of SageMaker Pipelines; `model` botocore's model of the operation a step calls.
Words in a rule's source are AWS's, those of other rules ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local_cloud.sagemaker.definition import graph
from local_cloud.sagemaker.definition.arguments import check_arguments
from local_cloud.sagemaker.definition.conditions import check_condition
from local_cloud.sagemaker.definition.errors import DefinitionError, Unparsable
from local_cloud.sagemaker.definition.parameters import check_parameters
from local_cloud.sagemaker.definition.step_types import COMMON, STEP_TYPES

Document = Mapping[str, Any]
VERSION = "2020-12-01"
MEMBERS = (
    *("Version", "Metadata", "Parameters", "PipelineExperimentConfig", "MlflowConfig", "Steps"),
)
RETRY_MEMBERS = (
    *("ExceptionType", "IntervalSeconds", "BackoffRate", "MaxAttempts", "ExpireAfterMin"),
)
# What the SageMaker SDK always writes, null or not: its tests against the service pass with these.
NULL_BY_THE_SDK = {
    *("PipelineExperimentConfig", "MlflowConfig"),
    *("SuppliedBaselineStatistics", "SuppliedBaselineConstraints"),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """What must hold, who says so, and the check that raises DefinitionError."""

    what: str
    source: str
    check: Callable[[Document], None]


def check(document: Document) -> None:
    """Raise DefinitionError for the first rule that a definition breaks."""
    for rule in RULES:
        rule.check(document)


def _is_a_document(document: Document) -> None:
    if not isinstance(document, dict) or not isinstance(document.get("Steps"), list):
        raise Unparsable("It must be a JSON object with a list of Steps.")
    if not document["Steps"]:
        raise Unparsable("Steps must not be empty.")
    if document.get("Version", VERSION) != VERSION:
        raise Unparsable(f"Version must be {VERSION}.")


def _has_known_members(document: Document) -> None:
    _refuse_unknown(document, MEMBERS)


def _has_steps_of_known_shape(document: Document) -> None:
    for step in _steps(document["Steps"]):
        kind = STEP_TYPES.get(step["Type"])
        if kind is None:
            known = ", ".join(STEP_TYPES)
            raise Unparsable(f"Step {step['Name']} has Type {step['Type']!r}; known are {known}.")
        _refuse_unknown(step, (*COMMON, *kind.members))
        for member in ("DependsOn", "RetryPolicies", "PropertyFiles", "OutputParameters"):
            if not isinstance(step.get(member, []), list):
                raise Unparsable("Expecting start of Json Array.")
        if not all(isinstance(name, str) for name in step.get("DependsOn", [])):
            raise Unparsable("Expecting Json String.")
        _refuse_unknown(step.get("CacheConfig", {}), ("Enabled", "ExpireAfter"))
        for policy in step.get("RetryPolicies", []):
            _refuse_unknown(policy, RETRY_MEMBERS)
        for file in step.get("PropertyFiles", []):
            _refuse_unknown(file, ("PropertyFileName", "OutputName", "FilePath"))


def _has_no_null(document: Document) -> None:
    for name in _nulls(document):
        raise Unparsable(f"Member '{name}' must not be null.")


def _has_sound_parameters(document: Document) -> None:
    check_parameters(document.get("Parameters", []))


def _has_sound_conditions(document: Document) -> None:
    for step in _steps(document["Steps"]):
        if step["Type"] == "Condition":
            arguments = step.get("Arguments", {})
            _refuse_unknown(arguments, ("Conditions", "IfSteps", "ElseSteps"))
            conditions = arguments.get("Conditions")
            if not isinstance(conditions, list) or not conditions:
                raise Unparsable("Conditions must be a list that is not empty.")
            for condition in conditions:
                check_condition(condition)
        if step["Type"] == "Fail":
            _refuse_unknown(step.get("Arguments", {}), ("ErrorMessage",))


def _has_a_graph(document: Document) -> None:
    for step in _fail_steps_first(graph.parse(document)):
        raise DefinitionError(step)


def _has_arguments_that_fit(document: Document) -> None:
    types = {one["Name"]: one["Type"] for one in document.get("Parameters", [])}
    for step in _steps(document["Steps"]):
        kind = STEP_TYPES[step["Type"]]
        if kind.operation is not None:
            check_arguments(kind, step.get("Arguments", {}), types)


def _fail_steps_first(definition: graph.Definition) -> Iterator[str]:
    for step in definition.steps.values():
        for name in sorted(step.named):
            if definition.steps[name].type == "Fail":
                yield f"{step.name} can not depends on {name}"


def _steps(steps: Any) -> Iterator[dict[str, Any]]:
    """Every step, those in branches too; DefinitionError for what is no step."""
    if not isinstance(steps, list):
        raise Unparsable("Expecting start of Json Array.")
    for step in steps:
        if not isinstance(step, dict) or not all(
            isinstance(step.get(member), str) for member in ("Name", "Type")
        ):
            raise Unparsable("Each of Steps must be an object with a Name and a Type.")
        yield step
        if step["Type"] == "Condition":
            arguments = step.get("Arguments", {})
            if not isinstance(arguments, dict):
                raise Unparsable("Expecting start of Json Object.")
            for branch in ("IfSteps", "ElseSteps"):
                yield from _steps(arguments.get(branch, []))


def _refuse_unknown(document: Any, known: tuple[str, ...]) -> None:
    if not isinstance(document, dict):
        raise Unparsable("Expecting start of Json Object.")
    for name in document:
        if name not in known:
            raise Unparsable(f"Cannot parse object, unknown property '{name}'.")


def _nulls(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if inner is None and name not in NULL_BY_THE_SDK:
                yield str(name)
            yield from _nulls(inner)
    elif isinstance(value, list):
        for inner in value:
            if inner is None:
                yield "[]"
            yield from _nulls(inner)


RULES = (
    Rule("a document has a version and steps", "schema", _is_a_document),
    Rule("no unknown top-level member", "sdk#2746, for members of a condition", _has_known_members),
    Rule("no null member", "sdk#2746, suspected there", _has_no_null),
    Rule("steps have a known type and its members", "schema", _has_steps_of_known_shape),
    Rule("parameters, their defaults and enumerations agree", "schema", _has_sound_parameters),
    Rule(
        "conditions are of a known type: Cannot parse object, unknown property 'Expression'",
        "sdk#2746",
        _has_sound_conditions,
    ),
    Rule(
        "names are unique, references known, no cycle; CondStep can not depends on FailStep",
        "schema; sdk-integ test_fail_steps.py",
        _has_a_graph,
    ),
    Rule(
        "arguments fit the operation: Unknown Argument member 'X'; Expecting start of Json Array; "
        "Cannot assign property reference [Parameters.x] to argument of type [String]; "
        "Value 'FastFile' for 'ProcessingS3InputMode' failed to satisfy enum value set; "
        "Length of container InputDataConfig=0 cannot be less than min=1",
        "model; sdk#3472, #4994, #2345, #3908, #4867, #4711, #6156",
        _has_arguments_that_fit,
    ),
)
