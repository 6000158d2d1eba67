"""What a definition says, without running anything."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local_cloud.sagemaker.definition.errors import DefinitionError
from local_cloud.sagemaker.definition.graph import parse
from local_cloud.sagemaker.engine.errors import StepFailed
from local_cloud.sagemaker.engine.expressions import Scope, look_up
from local_cloud.sagemaker.engine.policies import (
    Retries,
    cache_key,
    cache_seconds,
    duration_seconds,
)


def step(name: str, arguments: Any = None, **members: Any) -> dict[str, Any]:
    return {"Name": name, "Type": "Processing", "Arguments": arguments or {}, **members}


def condition(name: str, conditions: Any, then: Any, otherwise: Any) -> dict[str, Any]:
    arguments = {"Conditions": conditions, "IfSteps": then, "ElseSteps": otherwise}
    return {"Name": name, "Type": "Condition", "Arguments": arguments}


def scope(**members: Any) -> Scope:
    known: dict[str, Any] = {
        "parameters": {},
        "execution": {},
        "properties": {},
        "property_files": {},
        "read": lambda uri: json.dumps({"read": uri, "a": {"b": [{"c": 4.2}]}}),
    }
    return Scope(**{**known, **members})


def waits(document: dict[str, Any]) -> dict[str, set[str]]:
    return {name: set(found.waits_for) for name, found in parse(document).steps.items()}


def test_steps_wait_for_what_they_refer_to_at_any_depth() -> None:
    joined = {"Std:Join": {"On": "/", "Values": ["s3:/", {"Get": "Steps.A.X.Y"}]}}
    report = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.B.PropertyFiles.R"}, "Path": "a"}}
    compare = [{"Type": "LessThan", "LeftValue": report, "RightValue": 1}]
    document = {
        "Steps": [
            step("A"),
            step("B", {"In": [{"Uri": joined}]}, PropertyFiles=[{"PropertyFileName": "R"}]),
            condition("C", compare, [step("Then", {"X": {"Get": "Steps.D.Z"}})], [step("Else")]),
            step("D"),
            step("AfterBranch", DependsOn=["Then"]),
            step("AfterCondition", DependsOn=["C"]),
        ]
    }
    assert waits(document) == {
        "A": set(),
        "B": {"A"},
        "C": {"B"},
        "Then": {"C", "D"},
        "Else": {"C"},
        "D": set(),
        "AfterBranch": {"Then"},
        "AfterCondition": {"C", "Then", "Else"},
    }


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"Steps": [step("A"), step("A")]}, "Two steps are named A"),
        ({"Steps": [step("A", DependsOn=["B"])]}, "Step A refers to unknown step B"),
        (
            {"Steps": [step("A", DependsOn=["B"]), step("B", {"x": {"Get": "Steps.A.y"}})]},
            "These steps wait for each other: A, B",
        ),
        ({"Steps": [step("A", {"x": {"Get": "Parameters.P"}})]}, "unknown parameter P"),
        ({"Steps": []}, "has no steps"),
        ({"Steps": [{"Name": "A"}]}, "A step has no 'Type'"),
    ],
)
def test_a_definition_that_cannot_run_is_refused(document: dict[str, Any], says: str) -> None:
    with pytest.raises(DefinitionError, match=says):
        parse(document)


def test_parameters_are_typed_and_given_ones_win() -> None:
    definition = parse(
        {
            "Parameters": [
                {"Name": "Text", "Type": "String", "DefaultValue": "a"},
                {"Name": "Count", "Type": "Integer", "DefaultValue": 1},
                {"Name": "Share", "Type": "Float", "DefaultValue": 10.0},
                {"Name": "Flag", "Type": "Boolean", "DefaultValue": True},
            ],
            "Steps": [step("A")],
        }
    )
    given = {"Count": "3", "Flag": "false"}
    assert definition.values(given) == {"Text": "a", "Count": 3, "Share": 10.0, "Flag": False}
    with pytest.raises(DefinitionError, match="Count is of type Integer; 'three' is not"):
        definition.values({"Count": "three"})
    with pytest.raises(DefinitionError, match="no parameter Colour; it has Count, Flag"):
        definition.values({"Colour": "red"})


def test_expressions_are_replaced_wherever_they_stand() -> None:
    known = scope(
        parameters={"P": 10.0, "Flag": True},
        execution={"PipelineExecutionId": lambda: "e1"},
        properties={
            "S": {"Outputs": [{"OutputName": "train", "Uri": "s3://b/t"}], "Jobs": [{"N": "j"}]}
        },
        property_files={"S": {"R": "s3://b/r.json"}},
    )
    value = {
        "list": [{"Get": "Parameters.P"}, "plain"],
        "joined": {
            "Std:Join": {
                "On": "-",
                "Values": [{"Get": "Parameters.P"}, {"Get": "Parameters.Flag"}, 1, "x"],
            }
        },
        "named": {"Get": "Steps.S.Outputs['train'].Uri"},
        "numbered": {"Get": "Steps.S.Jobs[0].N"},
        "run": {"Get": "Execution.PipelineExecutionId"},
        "read": {
            "Std:JsonGet": {
                "PropertyFile": {"Get": "Steps.S.PropertyFiles.R"},
                "Path": "a.b[0]['c']",
            }
        },
    }
    assert known.resolve(value) == {
        "list": [10.0, "plain"],
        "joined": "10.0-true-1-x",
        "named": "s3://b/t",
        "numbered": "j",
        "run": "e1",
        "read": 4.2,
    }


def test_a_path_that_leads_nowhere_is_named() -> None:
    with pytest.raises(StepFailed, match=r"There is no a\.b in s3://b/report.json"):
        look_up({"a": {}}, "a.b", "s3://b/report.json")


@pytest.mark.parametrize(
    ("document", "holds"),
    [
        ({"Type": "Equals", "LeftValue": "a", "RightValue": "a"}, True),
        ({"Type": "GreaterThan", "LeftValue": 2, "RightValue": 1.5}, True),
        ({"Type": "GreaterThanOrEqualTo", "LeftValue": 1, "RightValue": 1}, True),
        ({"Type": "LessThan", "LeftValue": 1, "RightValue": 1}, False),
        ({"Type": "LessThanOrEqualTo", "LeftValue": 1, "RightValue": 1}, True),
        ({"Type": "In", "QueryValue": "x", "Values": ["y", {"Get": "Parameters.X"}]}, True),
        ({"Type": "Not", "Condition": {"Type": "In", "QueryValue": 1, "Values": [1]}}, False),
        (
            {
                "Type": "Or",
                "Conditions": [
                    {"Type": "Equals", "LeftValue": 1, "RightValue": 2},
                    {"Type": "Equals", "LeftValue": True, "RightValue": True},
                ],
            },
            True,
        ),
    ],
)
def test_conditions(document: dict[str, Any], holds: bool) -> None:
    assert scope(parameters={"X": "x"}).holds(document) is holds


def test_a_number_is_not_compared_with_text() -> None:
    with pytest.raises(StepFailed, match="LessThan cannot compare 'NaN' with 10"):
        scope().holds({"Type": "LessThan", "LeftValue": "NaN", "RightValue": 10})


def test_where_outputs_go_does_not_change_what_a_cached_step_is() -> None:
    def document(output: str, source: str) -> dict[str, Any]:
        arguments = {
            "AppSpecification": {"ImageUri": "i"},
            "ProcessingInputs": [{"S3Input": {"S3Uri": source}}],
            "ProcessingOutputConfig": {"Outputs": [output]},
        }
        return step("A", arguments, CacheConfig={"Enabled": True, "ExpireAfter": "P1DT1H"})

    assert cache_seconds(document("o", "s")) == 25 * 3600
    assert cache_key(document("o1", "s")) == cache_key(document("o2", "s"))
    assert cache_key(document("o1", "s")) != cache_key(document("o1", "t"))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *(("30d", 30 * 86400), ("5y", 5 * 365 * 86400), ("T16m", 960), ("30dT5h", 2610000)),
        *(("P30d", 30 * 86400), ("P30M", 30 * 30 * 86400), ("T12H", 43200), ("PT1H", 3600)),
    ],
)
def test_how_long_a_cached_step_lasts_is_written_in_many_ways(text: str, seconds: float) -> None:
    """The SDK's CacheConfig and pipelines that people published: no P, any case."""
    assert duration_seconds(text) == seconds


def test_a_retry_waits_longer_each_time_and_ends() -> None:
    policy = {
        "ExceptionType": ["Step.THROTTLING"],
        "IntervalSeconds": 2,
        "BackoffRate": 3.0,
        "MaxAttempts": 2,
    }
    retries = Retries((policy,))
    kind = "Step.THROTTLING"
    assert retries.wait_seconds(kind, [kind], 0) == 2.0
    assert retries.wait_seconds(kind, [kind, kind], 0) == 6.0
    assert retries.wait_seconds(kind, [kind] * 3, 0) is None
    assert retries.wait_seconds(None, [None], 0) is None
    assert retries.wait_seconds("Step.SERVICE_FAULT", ["Step.SERVICE_FAULT"], 0) is None
