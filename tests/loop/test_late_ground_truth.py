"""Ground truth that comes when its scoring run is long over: a check of its own, for real."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from demo import stages
from demo.data import Shells, labels, unlabelled
from demo.loop import GROUND_TRUTH, SCORING, Loop, Run
from demo.mailbox import about
from demo.results import Crashed

LIKE, LIGHT = "later/like+1.csv", "later/größe light.csv"


@dataclass(frozen=True)
class Late:
    """A scoring run that had the truth of one of its files, and the checks of what came later."""

    scoring: Run
    passed: Run
    missed: Run
    retunings_before: list[str]


@pytest.fixture(scope="session")
def late(loop: Loop, data: Shells, crashed: Crashed) -> Late:
    before, retunings = loop.run_arns(loop.inference), loop.run_arns(loop.training_hpo)
    loop.upload(GROUND_TRUTH, LIKE, labels(data.kept_back[:100]))
    loop.upload(SCORING, LIKE, unlabelled(data.kept_back[:100]))
    loop.upload(SCORING, LIGHT, unlabelled(data.light[:200]))
    scoring = loop.ended(loop.new_run(loop.inference, before))
    checks = []
    for name, rows, ends in (
        (LIKE, data.kept_back[:100], "Succeeded"),  # once more: a corrected file
        (LIGHT, data.light[:200], "Failed"),
    ):
        before = loop.run_arns(loop.model_quality)
        loop.upload(GROUND_TRUTH, name, labels(rows))
        checks.append(loop.ended(loop.new_run(loop.model_quality, before), ends))
        stages.only_one(loop, loop.model_quality, before)
    return Late(scoring, checks[0], checks[1], retunings)


def test_a_run_is_checked_with_the_ground_truth_of_its_start(loop: Loop, late: Late) -> None:
    assert late.scoring.description.startswith("upload of 2 files: ")
    assert set(stages.predictions_of(loop, late.scoring)) == {LIKE, LIGHT}
    report = loop.read_json(f"{loop.run_folder(late.scoring)}model-quality/evaluation.json")
    assert report["dataset"] == {"item_count": 100, "files_without_ground_truth": 1}


def test_a_check_is_one_step_on_the_scoring_runs_own_files(loop: Loop, late: Late) -> None:
    assert [step.name for step in late.passed.steps] == ["ModelQuality"]
    assert late.passed.description == f"ground truth of 1 file for run {late.scoring.id}: {LIKE}"
    report = loop.read_json(f"{loop.run_folder(late.passed)}model-quality/evaluation.json")
    assert report["verdict"]["rows"] == 100
    assert report["verdict"]["passed"] is True
    assert report["verdict"]["value"] < loop.threshold


def test_a_passed_check_sends_no_message(loop: Loop, late: Late) -> None:
    assert about(loop.mails(), late.passed.id) == []


def test_a_missed_threshold_is_mailed_with_the_run_it_judges(loop: Loop, late: Late) -> None:
    mail = loop.mail("about the missed threshold", "missed 10", late.missed.id)
    assert mail.subject.startswith(f"abalone: {loop.model_quality} failed: mse ")
    assert "is above the threshold 10 on 200 rows" in mail.text
    assert f"ground truth of 1 file for run {late.scoring.id}: {LIGHT}" in mail.text


def test_a_missed_threshold_retunes_by_the_projects_policy(loop: Loop, late: Late) -> None:
    """Stage 5's drift retuned within the cool-down: a mail says why this one does not."""
    decided = loop.decided("a retuning", f"model-quality/{late.missed.arn}")
    assert decided["outcome"] == "retuning-declined"
    mail = loop.mail("why nothing was retuned", "not retuned", late.missed.id)
    assert "cool-down" in mail.text
    assert loop.run_arns(loop.training_hpo) == late.retunings_before


def test_each_verdict_is_in_the_folder_of_its_run(loop: Loop, late: Late) -> None:
    for run, rows in ((late.scoring, 100), (late.passed, 100), (late.missed, 200)):
        (key,) = loop.keys(f"{loop.run_folder(run)}model-quality/")
        assert loop.read_json(key)["verdict"]["rows"] == rows
