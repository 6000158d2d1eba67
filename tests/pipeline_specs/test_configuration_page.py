"""The schema and docs/configuration.md say what the model says; the page names all variables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline_specs import ROOT
from pipeline_specs.config import reference

VARIABLES = [
    "bucket_name",
    "bucket_prefix",
    "bucket_train_prefix",
    "bucket_inf_prefix",
    "notification_function_name",
    "custom_notification_config",
    "email_recipient",
    "pipeline_inf",
    "pipeline_train",
    "pipeline_trainwhpo",
    "recreate_pipelines",
    "model_package_group_name",
    "accuracy_mse_threshold",
    "role_arn",
    "kms_key",
    "subnet_id",
    "sg_id",
    "upload_training_data",
    "upload_inference_data",
    "user_id",
    "tags",
]


RENEW = f"run `python -m {reference.__name__}`"


def test_its_tables_are_those_of_the_model() -> None:
    page = reference.PAGE.read_text("utf-8")
    assert page == reference.renewed(page), RENEW


def test_the_schema_is_that_of_the_model() -> None:
    assert reference.SCHEMA.read_text("utf-8") == reference.schema_text(), RENEW


def test_what_differs_from_the_model_is_renewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SCHEMA", "PAGE"):
        copy = tmp_path / name
        copy.write_text(getattr(reference, name).read_text("utf-8").replace("quiet_period", "q"))
        monkeypatch.setattr(reference, name, copy)
    reference.main()
    assert reference.SCHEMA.read_text("utf-8") == reference.schema_text()
    assert "`drops.quiet_period`" in reference.PAGE.read_text("utf-8")


@pytest.mark.parametrize("variable", VARIABLES)
def test_every_variable_of_the_original_has_its_place(variable: str) -> None:
    page = reference.PAGE.read_text("utf-8").split("## Variables of the original")[1]
    row = re.search(rf"^\| `{variable}` \| (.*) \|$", page, re.MULTILINE)
    assert row
    keys = re.findall(r"^\| `([^`]+)` \|", reference.tables(), re.MULTILINE)
    template = (ROOT / "template.yaml").read_text("utf-8")
    named = re.findall(r"`([^`]+)`", row[1])
    assert named
    for name in named:
        assert (
            name in keys
            or f"\n  {name}:\n" in template
            or name.replace("STACK", "${AWS::StackName}") in template
        ), name
