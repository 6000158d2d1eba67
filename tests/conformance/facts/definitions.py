"""SageMaker: pipeline definitions that CreatePipeline refuses. Nothing here is ever run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.conformance.account import Account
from tests.conformance.fact import answer, fact
from tests.conformance.facts.steps import condition, definition, fail, processing

SDK = "https://github.com/aws/sagemaker-python-sdk"
SCHEMA = "https://aws-sagemaker-mlops.github.io/sagemaker-model-building-pipeline-definition-JSON-schema/"
REFUSED = "refused: ValidationException"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py312"


def _create(account: Account, purpose: str, made: Any) -> str:
    return answer(lambda: account.pipeline(purpose, made))


def _job(account: Account, **more: Any) -> dict[str, Any]:
    return processing("Job", account.role(), IMAGE, "pass", **more)


def _refused(
    statement: str, source: str, *expected: str
) -> Callable[[Callable[[Account], Any]], object]:
    """Register a definition that CreatePipeline should refuse, made by the decorated function."""

    def register(make: Callable[[Account], Any]) -> object:
        def probe(account: Account) -> str:
            return _create(account, make.__name__.replace("_", "-"), make(account))

        probe.__name__ = make.__name__
        return fact(statement, source, *(expected or (REFUSED,)), creates="a role")(probe)

    return register


@_refused("A member that the job's request does not have is refused", f"{SDK}/issues/3472")
def unknown_member(account: Account) -> Any:
    return definition(_job(account, ModelPackageName="x"))


@_refused("A definition of another version is refused", SCHEMA)
def definition_of_another_version(account: Account) -> Any:
    return definition(fail("Stop")) | {"Version": "2019-01-01"}


@_refused("A member that a definition does not have is refused", SCHEMA)
def unknown_member_of_a_definition(account: Account) -> Any:
    return definition(fail("Stop")) | {"Step": []}


@_refused("A member that a step does not have is refused", SCHEMA)
def unknown_member_of_a_step(account: Account) -> Any:
    return definition(fail("Stop", Retry=[]))


@_refused("A member that a condition does not have is refused", f"{SDK}/issues/2746")
def unknown_member_of_a_condition(account: Account) -> Any:
    step = condition("Check", True)
    step["Arguments"]["Conditions"][0]["Expression"] = "1 == 1"
    return definition(step)


@_refused("A text where a list belongs is refused", f"{SDK}/issues/2345")
def wrong_shape(account: Account) -> Any:
    return definition(_job(account, ProcessingInputs="x"))


@_refused("A literal outside of an enumeration is refused", f"{SDK}/issues/4711")
def literal_outside_of_its_enumeration(account: Account) -> Any:
    given = {
        "S3Uri": "s3://bucket/key",
        "LocalPath": "/opt/ml/processing/input/data",
        "S3DataType": "S3Prefix",
        "S3InputMode": "FastFile",
    }
    return definition(_job(account, ProcessingInputs=[{"InputName": "data", "S3Input": given}]))


@_refused("A reference to a parameter that is not declared is refused", SCHEMA)
def undeclared_parameter(account: Account) -> Any:
    return definition(fail("Stop", {"Get": "Parameters.Nothing"}))


@_refused("A reference to a step that is not there is refused", SCHEMA)
def undeclared_step(account: Account) -> Any:
    return definition(fail("Stop", {"Get": "Steps.Nothing.ProcessingJobStatus"}))


@_refused("Steps that wait for each other are refused", SCHEMA)
def cycle_of_steps(account: Account) -> Any:
    one = condition("One", True, DependsOn=["Two"])
    return definition(one, condition("Two", True, DependsOn=["One"]))


@_refused(
    "A step that depends on a Fail step is refused",
    f"{SDK}/blob/master/tests/integ/sagemaker/workflow/test_fail_steps.py",
)
def step_after_a_fail_step(account: Account) -> Any:
    return definition(fail("Stop"), condition("After", True, DependsOn=["Stop"]))


@_refused("A parameter's default must be one of its values", SCHEMA)
def default_outside_of_its_values(account: Account) -> Any:
    colour = {"Name": "Colour", "Type": "String", "EnumValues": ["red"], "DefaultValue": "blue"}
    stop = fail("Stop", {"Get": "Parameters.Colour"})
    return definition(stop, parameters=(colour,))


@_refused(
    "A member that is null may be refused: the definitions here have none",
    f"{SDK}/issues/2746",
    REFUSED,
    "accepted",
)
def null_member(account: Account) -> Any:
    return definition(_job(account, Environment=None))


@_refused(
    "A member of a step that is null may be refused as well",
    f"{SDK}/issues/2746",
    REFUSED,
    "accepted",
)
def null_member_of_a_step(account: Account) -> Any:
    return definition(fail("Stop", Description=None))
