"""Two projects of different kinds in one stack: what each does, and that they do not meet.

Abalone is a regression, employment a classification whose metric is better the higher it is.
"""

from __future__ import annotations

import csv
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo import stages
from demo.commands import commands_in
from demo.data import Rows, Shells
from demo.loop import Loop, Run
from demo.results import Drifted, Live, Reviewed, Scored, Trained
from local_cloud.cloud import INFO, Cloud
from tests.loop.census import Census, census
from tests.loop.loop_books import lane


@pytest.fixture(scope="session")
def persons() -> Census:
    return census()


@pytest.fixture(scope="session")
def people(cloud: Cloud, loop: Loop) -> Loop:
    """The second project: CI made its pipelines when it made the first one's."""
    return Loop.of(cloud.home / INFO, project="employment")


@pytest.fixture(scope="session")
def taught(people: Loop, persons: Census) -> Trained:
    stages.created(people)
    return stages.train(people, persons.households, "2015.csv")


@pytest.fixture(scope="session")
def working(people: Loop, taught: Trained) -> Live:
    return stages.approve(people, taught.version, commands_in(taught.mail.text)[0])


@pytest.fixture(scope="session")
def next_year(people: Loop, persons: Census, working: Live) -> Scored:
    return stages.score(people, persons.next_year, "2016.csv")


@dataclass(frozen=True)
class Both:
    """What both projects did at the same time."""

    drifted: Drifted
    scored: Scored


@pytest.fixture(scope="session")
def both(
    loop: Loop, data: Shells, people: Loop, persons: Census, early_run: str, next_year: Scored
) -> Both:
    """People unlike those of the training retune employment, while abalone scores its like."""
    with ThreadPoolExecutor() as at_once:
        drifted = at_once.submit(stages.drift, people, persons.dormitories, "dormitories.csv")
        scored = at_once.submit(stages.score, loop, data.kept_back, "beside-the-others.csv")
        return Both(drifted.result(), scored.result())


@pytest.fixture(scope="session")
def by_the_board(people: Loop, both: Both) -> Reviewed:
    return stages.review(people, both.drifted.retuned, "MRB-2025-023")


def labels(rows: Rows) -> list[bool]:
    return [row.endswith(",1") for row in rows[1:]]


def f1(scores: list[float], truth: list[bool]) -> float:
    hits = sum(score >= 0.5 and true for score, true in zip(scores, truth, strict=True))
    return 2 * hits / (sum(score >= 0.5 for score in scores) + sum(truth))


# --- the classification ---------------------------------------------------------------------------


def test_a_version_of_the_classification_says_its_metric(people: Loop, taught: Trained) -> None:
    metadata = taught.version.metadata
    assert (metadata["metric"], float(metadata["threshold"])) == ("f1", 0.75)
    evaluation, statistics, _ = map(people.read_json, taught.version.reports.values())
    metrics = evaluation["binary_classification_metrics"]
    assert 0.8 < metrics["f1"]["value"] < 0.9
    assert f"f1 {metrics['f1']['value']:.4g}, threshold 0.75" in taught.mail.text
    measured = {feature["name"] for feature in statistics["features"]}
    assert "SCHL" in measured
    assert not {"id", "year", "employed"} & measured, "ignored columns and the label"


def test_each_person_of_the_next_year_has_a_probability(persons: Census, next_year: Scored) -> None:
    rows = list(csv.reader(next_year.predictions["2016.csv"]))
    assert rows[0] == [*persons.next_year[0].split(",")[:-1], "prediction"]
    assert [",".join(row[:-1]) for row in rows] == [
        row.rpartition(",")[0] for row in persons.next_year
    ]
    scores = [float(row[-1]) for row in rows[1:]]
    assert all(0 < score < 1 for score in scores)
    verdict = next_year.verdict
    assert verdict["value"] == pytest.approx(f1(scores, labels(persons.next_year)))
    assert verdict["value"] > 0.8
    assert (verdict["passed"], verdict["rows"]) == (True, 1000)


def test_people_it_never_saw_miss_the_threshold_from_below(both: Both) -> None:
    verdict = both.drifted.scored.verdict
    assert verdict["value"] < 0.65
    said = f"f1 {verdict['value']:.4g} is below the threshold 0.75 on 1,000 rows"
    assert said in both.drifted.failure_mail.text
    assert said in both.drifted.retuned.run.description
    violating = {
        (violation["feature_name"], violation["constraint_check_type"])
        for violation in both.drifted.scored.violations
    }
    assert ("AGEP", "baseline_drift_check") in violating
    assert ("RELP", "categorical_values_check") in violating, "a code is no number"


def test_the_search_kept_what_scored_highest(people: Loop, both: Both) -> None:
    retuned = both.drifted.retuned
    job = retuned.run.step("Tune").metadata["TuningJob"]["Arn"].rsplit("/", 1)[-1]
    tuning = people.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=job)
    objective = tuning["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
    assert objective == {"Type": "Maximize", "MetricName": "validation:f1"}
    trials = people.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=job
    )["TrainingJobSummaries"]
    values = {
        trial["TrainingJobName"]: trial["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
        for trial in trials
    }
    assert len(values) == 3
    assert len(set(values.values())) > 1
    assert f"/{max(values, key=lambda name: values[name])}/" in retuned.version.artefact


def test_the_board_decides_on_the_classification_too(by_the_board: Reviewed) -> None:
    assert by_the_board.returned.approval == "PendingManualApproval"
    assert by_the_board.live.mail.subject == "employment: version 2 is live"
    assert by_the_board.live.version.metadata["review_board_reference"] == "MRB-2025-023"


# --- the two side by side -------------------------------------------------------------------------


def test_runs_of_both_projects_ran_at_once(loop: Loop, both: Both) -> None:
    def span(run: Run) -> tuple[float, float]:
        answer = loop.sagemaker.describe_pipeline_execution(PipelineExecutionArn=run.arn)
        return answer["CreationTime"].timestamp(), answer["LastModifiedTime"].timestamp()

    (mine, my_end), (other, other_end) = span(both.scored.run), span(both.drifted.scored.run)
    assert max(mine, other) < min(my_end, other_end)


def test_each_run_is_in_its_own_lane_and_folder(loop: Loop, people: Loop, both: Both) -> None:
    assert both.scored.run.pipeline == "headrace-abalone-inference"
    assert both.drifted.scored.run.pipeline == "headrace-employment-inference"
    for one, run, name in (
        (loop, both.scored.run, "beside-the-others.csv"),
        (people, both.drifted.scored.run, "dormitories.csv"),
    ):
        assert run.description == f"upload of 1 file: {name}"
        assert one.keys(f"{one.run_folder(run)}predictions/")
    assert len(people.run_arns(people.training_hpo)) == 1
    assert lane(people, people.training_hpo)["retuned_at"]
    assert len(people.run_arns(people.inference)) == 2


def test_what_one_project_learnt_is_not_in_the_other(by_the_board: Reviewed, people: Loop) -> None:
    assert "abalone" not in json.dumps(by_the_board.live.definition)
    assert "abalone" not in json.dumps(by_the_board.live.version.metadata)
    assert [version.number for version in stages.versions(people)] == [1, 2]


def test_each_projects_people_get_only_its_messages(
    loop: Loop, people: Loop, by_the_board: Reviewed
) -> None:
    assert {loop.recipient, people.recipient} == {
        *("data-science@example.com", "people-analytics@example.com")
    }
    for one, other in ((loop, people), (people, loop)):
        mails = one.mails()
        assert len(mails) > 3
        for mail in mails:
            assert mail.recipients == (one.recipient,)
            assert one.project in mail.subject
            assert other.project not in f"{mail.subject}\n{mail.text}"


def test_each_project_has_its_own_audit(loop: Loop, people: Loop, by_the_board: Reviewed) -> None:
    for one, other in ((loop, people), (people, loop)):
        audit = json.dumps(one.audit())
        assert one.inference in audit
        assert f"headrace-{other.project}" not in audit
        assert f"{other.prefix}/" not in audit
    decided = [line for entry in people.audit() for line in entry["decided"]]
    assert "board reference MRB-2025-023" in [line["reason"] for line in decided]


def test_init_finds_in_the_file_what_the_project_says(persons: Census, tmp_path: Path) -> None:
    from pipeline_specs.config import document, init_project
    from pipeline_specs.config.settings import Settings

    (tmp_path / "2015.csv").write_text("\n".join(persons.households))
    list(init_project.write("employment2", tmp_path / "2015.csv", None, tmp_path))
    found = Settings.parse(document.load(tmp_path / "employment2" / "project.yaml"))
    assert (found.data.header, found.data.target) == (True, "employed")
    assert (found.metric.name, dict(found.hyperparameters)["objective"]) == (
        *("auc", "binary:logistic"),
    )
    types = {column.name: column.type for column in found.data.columns}
    assert (types["id"], types["AGEP"]) == ("ignored", "numeric")
