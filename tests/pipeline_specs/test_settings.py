"""A project's settings: what they mean, and errors that name file, line and key."""

from __future__ import annotations

import re
from pathlib import Path
from types import UnionType
from typing import Any, get_args

import pytest
import yaml
from headrace.domain.errors import PermanentError
from headrace.domain.project import Project

from pipeline_specs import ROOT
from pipeline_specs.config import document, project_file, settings
from pipeline_specs.config.fields import Section
from pipeline_specs.config.settings import Settings

ABALONE = (ROOT / "pipeline_specs" / "abalone" / "project.yaml").read_text()


def parsed(folder: Path, text: str) -> Settings:
    path = folder / "project.yaml"
    path.write_text(text)
    return Settings.parse(document.load(path))


def line_of(text: str, beginning: str) -> int:
    return next(
        n for n, line in enumerate(text.splitlines(), 1) if line.lstrip().startswith(beginning)
    )


@pytest.mark.parametrize(
    ("before", "after", "key", "line", "complaint"),
    [
        ("metric: mse", "metric: loss", "quality.metric", "metric:", "should be one of mse, rmse"),
        ("threshold: 10.0", "threshold: ten", "quality.threshold", "threshold:", "a number"),
        ("threshold: 10.0", "threshold: true", "quality.threshold", "threshold:", "a number"),
        ("header: false", "header: maybe", "data.header", "header:", "true or false"),
        ("target: rings", "target: age", "data.target", "target:", "which is not a column"),
        ("name: height, type: numeric", "name: height, type: number", "data.columns.3.type",
         "- {name: height", "numeric, categorical"),
        ("{name: height,", "{name: length,", "data.columns", "columns:", "names length twice"),
        ("rings, type: numeric", "rings, type: ignored", "data.columns", "columns:",
         "the target rings and one more that is not ignored"),
        ("max_jobs: 4", "max_jobs: 0", "tuning.max_jobs", "max_jobs:", "at least 1"),
        ("max_parallel_jobs: 2", "max_parallel_jobs: 9", "tuning.max_parallel_jobs",
         "max_parallel_jobs:", "more than max_jobs"),
        ("eta: [0.05, 0.5]", "eta: [0.5, 0.05]", "tuning.ranges.eta", "eta: [", "[lowest, "),
        ("check: processing", "check: sometimes", "data_quality.check", "check:", "model-monitor"),
        ("max_attempts: 3", "attempts: 3", "steps.retries.attempts", "attempts:", "is unknown"),
        ("tags: {project", "kms_kye: k\ntags: {project", "kms_kye", "kms_kye:", "is unknown"),
        ("[data-science@example.com]", "me", "notify.recipients", "recipients:", "a list"),
        ("[data-science@example.com]", "[a@b.c, {email: d@e.f, wants: [modl-live]}]",
         "notify.recipients.1.wants.0", "recipients:", "should be one of runs, quality, "),
        ("[data-science@example.com]", "[a@b.c, a@b.c]", "notify.recipients", "recipients:",
         "names a@b.c twice"),
        ("tags: {project", 'accounts: {readers: ["12"]}\ntags: {project', "accounts.readers.0",
         "accounts:", "an account number of 12 digits"),
        ("tags: {project", "accounts: {readers: [111111111111]}\ntags: {project",
         "accounts.readers.0", "accounts:", "a text in quotes"),
        ("tags: {project", "subnets: [s]\ntags: {project", "subnets", "subnets:", "go together"),
        ("project: abalone", "project: abalone/2", "project", "project:", "inner hyphens"),
        ("training_hpo: headrace", "training_hpo: -headrace", "pipelines.training_hpo",
         "training_hpo:", "inner hyphens"),
        ("prefix: abalone", "prefix: team/runs", "prefix", "prefix:", "a folder 'runs'"),
        ("drops:", "folders: {training: raw, scorings: a}\ndrops:", "folders.scorings",
         "folders:", "is unknown"),
        ("quiet_period: 2", "quiet_period: -2", "drops.quiet_period", "quiet_period:",
         "at least 0"),
        ("quiet_period: 2", "quiet: 2", "drops.quiet", "quiet: 2", "is unknown"),
        ("max_per_week: 3", "max_per_week: 1.5", "retune.max_per_week", "max_per_week:",
         "a whole number"),
        ("custom: []", "custom: [{pipeline: p, status: Done, message: m}]",
         "notify.custom.0.status", "custom:", "should be one of Starting"),
        ("tags: {project", "approval: {remind_after_hours: soon}\ntags: {project",
         "approval.remind_after_hours", "approval:", "a number"),
        ("tags: {project", "schedules: {training: daily}\ntags: {project", "schedules.training",
         "schedules:", "should be like rate(1 day)"),
        ("tags: {project", "schedules: {training: rate(1 days)}\ntags: {project",
         "schedules.training", "schedules:", "should be like rate(1 day)"),
        ("tags: {project", "schedules: {hpo: rate(1 day)}\ntags: {project", "schedules.hpo",
         "schedules:", "is unknown"),
        ("tags: {project", "upload_training_data: all\ntags: {project", "upload_training_data",
         "upload_training_data:", "true or false"),
        ("max_jobs: 4", 'max_jobs: "4"', "tuning.max_jobs", "max_jobs:", "a whole number"),
        ("max_jobs: 4", "max_jobs: true", "tuning.max_jobs", "max_jobs:", "a whole number"),
        ("max_jobs: 4", "max_jobs: 4.0", "tuning.max_jobs", "max_jobs:", "a whole number"),
        ("max_jobs: 4", "max_jobs:", "tuning.max_jobs", "max_jobs:", "has no value"),
        ("max_jobs: 4", "max_job: 4", "tuning.max_job", "max_job:", "did you mean max_jobs?"),
        ("threshold: 10.0", "threshold: .nan", "quality.threshold", "threshold:", "finite"),
        ("threshold: 10.0", 'threshold: "10"', "quality.threshold", "threshold:", "a number"),
        ("project: abalone    ", "project: 7    ", "project", "project:",
         "a text in quotes, but is 7"),
        ("check: processing", "thresholds: low", "data_quality.thresholds", "thresholds:",
         "keys and values"),
        ("custom: []", "custom: [x]", "notify.custom.0", "custom:", "keys and values"),
        ("[data-science@example.com]", "[me]", "notify.recipients.0.email", "recipients:",
         "an e-mail address, but is 'me'"),
        ("[data-science@example.com]", "[5]", "notify.recipients.0", "recipients:",
         "or a section with email and wants, but is 5"),
        ("tags: {project", "1: x\ntags: {project", "1", "1: x", "is unknown"),
        ("tags: {project", "true: x\ntags: {project", "true", "true: x", "is unknown"),
        ("tags: {project", "folders: []\ntags: {project", "folders", "folders:",
         "keys and values"),
        ("tags: {project", "folders: {training: a, scoring: a/b}\ntags: {project",
         "folders.training", "folders:", "may not hold another watched folder"),
        ("tags: {project", "role_arn: ours\ntags: {project", "role_arn", "role_arn:", "ARN"),
        ("tags: {project", "steps2: {}\ntags: {project", "steps2", "steps2:", "mean steps?"),
        ("check: processing", "thresholds: {comparison_threshold: low}",
         "data_quality.thresholds.comparison_threshold", "thresholds:", "a number"),
        ("check: processing", "thresholds: {datatype_check_threshold: 2}",
         "data_quality.thresholds.datatype_check_threshold", "thresholds:", "at most 1"),
        ("steps:\n", "steps:\n  cache_expire_after: a week\n", "steps.cache_expire_after",
         "cache_expire_after:", "like P7D"),
        ("num_round: 50", "num_round: [50]", "training.hyperparameters.num_round", "num_round:",
         "a text or a number"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_file_line_and_key(
    tmp_path: Path, before: str, after: str, key: str, line: str, complaint: str
) -> None:
    text = ABALONE.replace(before, after)
    assert text != ABALONE
    with pytest.raises(PermanentError) as caught:
        parsed(tmp_path, text)
    where = f"{tmp_path / 'project.yaml'}:{line_of(text, line)}: {key} "
    assert str(caught.value).startswith(where)
    assert complaint in str(caught.value)


def test_all_errors_are_reported_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = ABALONE
    for before, after in (
        ("max_jobs: 4", "max_jobs: many"),
        ("metric: mse", "metric: mean"),
        ("header:", "headr:"),
    ):
        text = text.replace(before, after)
    with pytest.raises(PermanentError) as caught:
        parsed(tmp_path, text)
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[1].split()[0] for line in lines] == [
        *("data.headr", "quality.metric", "tuning.max_jobs"),
    ]


def test_a_name_too_long_for_a_rule_of_eventbridge_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project_file, "LONGEST_NAME", 30)
    text = ABALONE.replace("tags: {project", "schedules: {inference: rate(1 day)}\ntags: {project")
    with pytest.raises(PermanentError, match=r"schedules\.inference needs a shorter project name"):
        parsed(tmp_path, text)


def test_a_key_without_a_value_is_one_that_is_not_set(tmp_path: Path) -> None:
    keys = ("folders", "approval", "accounts", "schedules", "subnets", "kms_key", "user_id")
    text = "\n".join((ABALONE, *(f"{key}:" for key in keys)))
    assert parsed(tmp_path, text) == parsed(tmp_path, ABALONE)


def test_the_layer_and_the_model_have_the_same_defaults(tmp_path: Path) -> None:
    kept = ("data", "processing", "training", "tuning", "inference")
    least = {
        "project": "whelk",
        "quality": {"metric": "auc", "threshold": 0.5},
        **{key: yaml.safe_load(ABALONE)[key] for key in kept},
    }
    project = parsed(tmp_path, yaml.safe_dump(least)).project
    assert project == Project.parse({key: least[key] for key in ("project", "quality")}, "it")


def test_the_layer_reads_what_another_release_stored(tmp_path: Path) -> None:
    project = parsed(tmp_path, ABALONE).project
    stored = project.document()
    newer = {**stored, "fresh": 1, "drops": {**stored["drops"], "fresh": 2}}
    assert Project.parse(newer, "the ledger") == project
    older = {key: stored[key] for key in ("project", "quality", "drops")}
    assert Project.parse(older, "the ledger").retune == project.retune


def test_every_key_is_explained() -> None:
    def unexplained(model: type[Section]) -> list[str]:
        return [
            f"{model.__name__}.{name}"
            for name, field in model.model_fields.items()
            if not (field.description or issubclass(_inner(field.annotation), Section))
        ]

    def _inner(annotation: Any) -> Any:
        inner = [one for one in get_args(annotation) if one is not type(None)]
        return inner[0] if isinstance(annotation, UnionType) else annotation

    assert [key for model in Section.__subclasses__() for key in unexplained(model)] == []


@pytest.mark.parametrize("key", ["metric", "threshold"])
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    text = re.sub(rf"^  {key}: .*\n", "", ABALONE, flags=re.MULTILINE)
    with pytest.raises(PermanentError, match=rf"quality\.{key} is missing"):
        parsed(tmp_path, text)


def test_thresholds_are_refused_where_nobody_would_read_them(tmp_path: Path) -> None:
    text = ABALONE.replace(
        "check: processing", "thresholds: {comparison_threshold: 0.2}\n  check: model-monitor"
    )
    with pytest.raises(PermanentError, match=r"data_quality\.thresholds"):
        parsed(tmp_path, text)


@pytest.mark.parametrize("text", ["", "- a list\n", "a: [1\n"])
def test_a_file_that_is_no_mapping_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(PermanentError, match=r"project\.yaml"):
        parsed(tmp_path, text)


def test_an_unknown_project_gets_the_list_of_projects() -> None:
    with pytest.raises(PermanentError, match=r"no project named whelk.* there are abalone"):
        settings.load("whelk")


def test_hyperparameters_become_the_texts_that_containers_read(tmp_path: Path) -> None:
    text = ABALONE.replace("    eta: 0.2\n", "    eta: 0.2\n    validate_parameters: true\n")
    assert dict(parsed(tmp_path, text).hyperparameters) == {
        "objective": "reg:squarederror",
        "num_round": "50",
        "max_depth": "5",
        "eta": "0.2",
        "validate_parameters": "true",
    }


def test_whole_numbers_search_whole_numbers_and_texts_search_choices(tmp_path: Path) -> None:
    text = ABALONE.replace(
        "    max_depth: [2, 8]", "    max_depth: [2, 8]\n    booster: [gbtree, dart]"
    )
    kinds = {one.name: one.kind for one in parsed(tmp_path, text).tuning.ranges}
    assert kinds == {"eta": "continuous", "max_depth": "integer", "booster": "categorical"}


def test_what_a_project_leaves_out_has_a_default(tmp_path: Path) -> None:
    text = re.sub(r"^(steps|tags|data_quality):.*\n(  .*\n)*", "", ABALONE, flags=re.MULTILINE)
    found = parsed(tmp_path, text)
    assert found.retries is None
    assert found.tags == ()
    assert found.data_quality.check == "processing"
    assert found.role_arn is None


def test_the_person_responsible_is_in_the_tags(tmp_path: Path) -> None:
    found = parsed(tmp_path, ABALONE.replace("tags: {project", "user_id: ada\ntags: {project"))
    assert found.tags == (("project", "abalone"), ("user_id", "ada"))


def test_the_folders_that_people_drop_into_are_the_projects_choice(tmp_path: Path) -> None:
    text = f"folders: {{training: /labelled/, ground_truth: truth}}\n{ABALONE}"
    project = parsed(tmp_path, text).project
    assert project.folder("training") == "abalone/labelled/"
    assert project.folder("scoring") == "abalone/batch-scoring/data/raw/"
    assert project.folder_of("abalone/truth/a.csv") == "ground-truth"
    assert type(project).parse(project.document(), "the ledger") == project


@pytest.mark.parametrize("inner", ["a", "a/b"])
def test_a_file_is_in_one_folder_only(tmp_path: Path, inner: str) -> None:
    text = f"folders: {{training: a, scoring: {inner}}}\n{ABALONE}"
    with pytest.raises(PermanentError, match="may not hold another watched folder"):
        parsed(tmp_path, text)
