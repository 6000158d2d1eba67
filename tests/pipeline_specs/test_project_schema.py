"""The JSON schema that editors check `project.yaml` with: it and the parser know the same keys."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from headrace.domain.errors import PermanentError
from headrace.domain.message import KINDS

from pipeline_specs import ROOT
from pipeline_specs.config import document, json_schema
from pipeline_specs.config.metrics import METRICS
from pipeline_specs.config.recipients import CHOICES
from pipeline_specs.config.settings import Settings

SPECS = ROOT / "pipeline_specs"
SCHEMA: dict[str, Any] = json.loads((SPECS / "project.schema.json").read_text())
PROJECTS = sorted(SPECS.glob("*/project.yaml"))
ABALONE: dict[str, Any] = yaml.safe_load((SPECS / "abalone" / "project.yaml").read_text())
CUSTOM = {"pipeline": "p", "status": "Failed", "message": "m"}


def sections(schema: dict[str, Any], *route: str) -> Iterator[tuple[tuple[str, ...], set[str]]]:
    """Every section of the schema whose keys are fixed, with these keys."""
    schema = json_schema.resolved(SCHEMA, schema)
    if "properties" in schema:
        yield route, set(schema["properties"])
        for key, inner in schema["properties"].items():
            yield from sections(inner, *route, key)
            items = inner.get("items", {})
            for one in (items, *items.get("anyOf", ())):
                yield from sections(one, *route, key, "0")


SECTIONS = dict(sections(SCHEMA))


def complaint(tmp_path: Path, values: dict[str, Any]) -> str:
    """What the parser says against these settings; nothing when it takes them."""
    path = tmp_path / "project.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    try:
        Settings.parse(document.load(path))
    except PermanentError as error:
        return str(error)
    return ""


def changed(route: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Abalone's settings with one value put in, whatever sections it takes."""
    values = copy.deepcopy(ABALONE)
    found: Any = values
    for key, following in zip(route, (*route[1:], ""), strict=True):
        if isinstance(found, list):
            if not found:
                found.append(dict(CUSTOM))
            if isinstance(found[0], str):
                found[0] = {"email": found[0]}
            found = found[int(key)]
        elif following:
            found = found.setdefault(key, [] if following == "0" else {})
        else:
            found[key] = value
    return values


def test_the_kinds_of_message_are_those_that_there_are() -> None:
    recipient = json_schema.properties(SCHEMA, ("notify", "recipients", 0))
    assert recipient["wants"]["items"]["enum"] == list(CHOICES)
    page = (ROOT / "docs" / "configuration.md").read_text().split("## Kinds of message")[1]
    for group, kinds in KINDS.items():
        (row,) = re.findall(rf"^\| `{group}` \| (.*) \|$", page, re.MULTILINE)
        assert re.findall("`([^`]+)`", row) == list(kinds)


def test_the_metrics_are_those_of_the_table() -> None:
    metric = SCHEMA["properties"]["quality"]["properties"]["metric"]
    assert metric["enum"] == list(METRICS)
    assert set(re.findall(r"\w+", metric["description"].lower())) >= set(METRICS)


def takes(values: dict[str, Any]) -> bool:
    return bool(jsonschema.Draft202012Validator(SCHEMA).is_valid(values))


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", PROJECTS, ids=lambda path: path.parent.name)
def test_every_project_fits_and_names_it_for_editors(path: Path) -> None:
    assert takes(yaml.safe_load(path.read_text()))
    assert "# yaml-language-server: $schema=../project.schema.json" in path.read_text()


@pytest.mark.parametrize("route", SECTIONS, ids=".".join)
def test_the_parser_and_the_schema_know_the_same_keys(
    tmp_path: Path, route: tuple[str, ...]
) -> None:
    values = changed((*route, "qqq"), "x")
    assert not takes(values)
    said = complaint(tmp_path, values)
    where = ".".join((*route, "qqq"))
    found = re.search(rf": {re.escape(where)} is unknown; known here are (.*)$", said)
    assert found, said
    assert set(found[1].split(", ")) == SECTIONS[route]


@pytest.mark.parametrize(
    ("route", "value"),
    [
        ("project", "abalone/2"),
        ("prefix", "team/runs"),
        ("folders.training", "code"),
        ("pipelines.training", "-x"),
        ("model_package_group", "a_b"),
        ("data.header", "maybe"),
        ("data.columns", []),
        ("data.columns.0.type", "number"),
        ("drops.quiet_period", -1),
        ("quality.metric", "logloss"),
        ("quality.threshold", "ten"),
        ("approval.remind_after_hours", "soon"),
        ("retune.max_per_week", 1.5),
        ("processing.instance_type", ""),
        ("training.volume_gb", 0),
        ("training.hyperparameters", {"eta": [1]}),
        ("tuning.ranges", {"eta": [0.1]}),
        ("tuning.ranges", {}),
        ("tuning.strategy", "Guess"),
        ("tuning.random_seed", -1),
        ("data_quality.check", "sometimes"),
        ("steps.retries", {"max_attempts": 0}),
        ("steps.max_parallel", 0),
        ("schedules.training", "daily"),
        ("schedules.training", "rate(1 days)"),
        ("schedules.inference", "cron(0 3 * * *)"),
        ("notify.recipients", "me"),
        ("notify.recipients", [{"email": "me@example.com", "wants": ["mails"]}]),
        ("notify.recipients", [{"wants": ["live"]}]),
        ("notify.recipients", [""]),
        ("notify.custom.0.status", "Done"),
        ("upload_training_data", "all"),
        ("recreate_pipelines", 1),
        ("subnets", ["subnet-1"]),
        ("network_isolation", "yes"),
    ],
)
def test_what_an_editor_underlines_the_parser_refuses_too(
    tmp_path: Path, route: str, value: Any
) -> None:
    values = changed(tuple(route.split(".")), value)
    assert not takes(values)
    assert complaint(tmp_path, values)


@pytest.mark.parametrize(
    ("route", "value"),
    [
        ("folders.ground_truth", "/truth/of/ours/"),
        ("data.columns.0.type", "ignored"),
        ("drops.trigger_file", "go"),
        ("schedules.training", "rate(7 days)"),
        ("schedules.training_hpo", "rate(1 hour)"),
        ("schedules.inference", "cron(0 3 ? * MON-FRI *)"),
        ("steps.max_parallel", 3),
        ("steps.cache_expire_after", "P7D"),
        ("tuning.ranges.booster", ["gbtree", "dart"]),
        ("data_quality.thresholds.comparison_method", "Simple"),
        ("approval.remind_after_hours", 8),
        ("notify.custom.0.step", "Evaluate"),
        ("notify.recipients", [{"email": "me@example.com", "wants": ["live", "run-failed"]}]),
        ("notify.recipients", ["me@example.com", {"email": "you@example.com"}]),
        ("upload_training_data", True),
        ("recreate_pipelines", True),
        ("user_id", "ada"),
        ("role_arn", "arn:aws:iam::111122223333:role/ours"),
        ("kms_key", "alias/ours"),
        ("network_isolation", True),
    ],
)
def test_documented_settings_are_accepted_by_both(tmp_path: Path, route: str, value: Any) -> None:
    values = changed(tuple(route.split(".")), value)
    assert takes(values)
    assert complaint(tmp_path, values) == ""


@pytest.mark.parametrize("key", SCHEMA["required"])
def test_what_must_be_there_is_missed_by_both(tmp_path: Path, key: str) -> None:
    values = {name: value for name, value in ABALONE.items() if name != key}
    assert not takes(values)
    assert key in complaint(tmp_path, values)
