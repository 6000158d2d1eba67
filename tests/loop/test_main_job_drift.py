"""The main job on real data through the laptop cloud: drift, review and crash, stages 5 to 7."""

from __future__ import annotations

import json
import re

import pytest
from headrace.domain.events import ENDED

from demo.commands import commands_in
from demo.loop import Loop
from demo.mailbox import about
from demo.results import Crashed, Drifted, Reviewed, Trained

# --- 5: drift -------------------------------------------------------------------------------------


def test_light_shells_violate_and_a_mail_names_the_columns(drifted: Drifted) -> None:
    features = {violation["feature_name"] for violation in drifted.scored.violations}
    assert {"shell_weight", "length"} <= features
    for feature in ("shell_weight", "length"):
        assert feature in drifted.violations_mail.text
    assert drifted.violations_mail.text.count("constraint_violations.json") == 1


def test_the_threshold_is_missed_not_crashed_into(drifted: Drifted) -> None:
    verdict = drifted.scored.verdict
    assert verdict["metric"] == "mse"
    assert verdict["value"] > 10
    assert verdict["rows"] == 1200
    assert f"mse {verdict['value']:.4g} is above the threshold 10 on 1,200 rows" in (
        drifted.failure_mail.text
    )


def test_predictions_and_the_report_exist_although_the_run_failed(
    loop: Loop, drifted: Drifted
) -> None:
    run = drifted.scored.run
    assert len(drifted.scored.predictions["light.csv"]) == 1200
    report = loop.read_json(f"{loop.run_folder(run)}model-quality/evaluation.json")
    value = report["regression_metrics"]["mse"]["value"]
    assert value == pytest.approx(drifted.scored.verdict["value"])


def test_exactly_one_retuning_names_the_run_and_the_metric(loop: Loop, drifted: Drifted) -> None:
    assert loop.run_arns(loop.training_hpo) == [drifted.retuned.run.arn]
    description = drifted.retuned.run.description
    assert description.startswith("retune because mse ")
    assert description.endswith(drifted.scored.run.arn)
    assert drifted.retuned.run.display_name.startswith("retune-")


def test_the_retuning_searched_on_the_live_models_training_data(
    loop: Loop, trained: Trained, drifted: Drifted
) -> None:
    metadata = drifted.retuned.version.metadata
    assert metadata["training_data"] == trained.version.metadata["training_data"]
    job = drifted.retuned.run.step("Tune").metadata["TuningJob"]["Arn"].rsplit("/", 1)[-1]
    trials = loop.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=job
    )["TrainingJobSummaries"]
    tried = {json.dumps(trial["TunedHyperParameters"], sort_keys=True) for trial in trials}
    assert len(tried) == len(trials) == 4
    best = min(
        trials, key=lambda trial: trial["FinalHyperParameterTuningJobObjectiveMetric"]["Value"]
    )
    assert f"/{best['TrainingJobName']}/" in drifted.retuned.version.artefact


def test_the_mail_shows_the_live_version_beside_the_retuned_one(drifted: Drifted) -> None:
    version, text = drifted.retuned.version, drifted.retuned.mail.text
    assert (version.number, version.metadata["kind"]) == (2, "training-hpo")
    assert re.search("^Live now +version 1, mse ", text, re.MULTILINE)
    assert "review_board_reference" in commands_in(text)[0]


# --- 6: review ------------------------------------------------------------------------------------


def test_without_the_boards_reference_it_goes_back(reviewed: Reviewed) -> None:
    assert reviewed.returned.approval == "PendingManualApproval"
    assert "review_board_reference" in reviewed.returned.described["ApprovalDescription"]
    assert "has no review_board_reference" in reviewed.returned_mail.text
    assert "The version is back to PendingManualApproval" in reviewed.returned_mail.text


def test_with_the_boards_reference_it_is_live(reviewed: Reviewed, drifted: Drifted) -> None:
    live = reviewed.live
    assert live.version.metadata["review_board_reference"] == "MRB-2025-017"
    assert live.version.metadata["kind"] == "training-hpo", "what the pipeline wrote is kept"
    assert live.mail.subject == "abalone: version 2 is live"
    runs_named = set(re.findall(r"/runs/([^/\"]+)/", json.dumps(live.definition)))
    assert drifted.retuned.run.id in runs_named


def test_the_boards_reference_is_in_the_audit(loop: Loop, reviewed: Reviewed) -> None:
    lines = [line for entry in loop.audit() for line in entry["decided"]]
    mine = [line for line in lines if reviewed.live.version.arn in line["event"]]
    outcomes = [line["outcome"] for line in mine if line["outcome"] not in ("ignored", "live")]
    assert outcomes[:2] == ["returned-to-pending", "refresh"]
    assert "board reference MRB-2025-017" in [line["reason"] for line in mine]


def test_people_are_notified_once_that_a_version_waits(loop: Loop, reviewed: Reviewed) -> None:
    found = about(loop.mails(), "waits for your approval", reviewed.live.version.arn)
    assert len(found) == 1, "going back to pending is told by its own mail"


# --- 7: crash -------------------------------------------------------------------------------------


def test_a_crash_is_reported_with_its_cause_and_starts_nothing(
    loop: Loop, crashed: Crashed
) -> None:
    assert crashed.decided["outcome"] == "ignored"
    assert "crashed" in crashed.decided["reason"]
    assert "ground-truth/lacks-a-label.csv has 59 values where 60 rows were predicted" in (
        crashed.mail.text
    )
    assert len(loop.run_arns(loop.training_hpo)) == 1


def test_nothing_was_lost_or_left_over(loop: Loop, crashed: Crashed) -> None:
    for pipeline in (loop.training, loop.training_hpo, loop.inference):
        for arn in loop.run_arns(pipeline):
            assert loop.run(arn).status in ENDED
    queues = loop.sqs.list_queues()["QueueUrls"]
    dead = [url for url in queues if "DeadLetters" in url]
    assert len(dead) == 3
    for url in dead:
        answer = loop.sqs.get_queue_attributes(
            QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        assert answer["Attributes"]["ApproximateNumberOfMessages"] == "0"
