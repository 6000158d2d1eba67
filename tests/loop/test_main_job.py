"""The main job on real data through the laptop cloud, stage by stage."""

from __future__ import annotations

import csv
import json
import math
import re
import subprocess
from pathlib import Path

import pytest

from demo.commands import commands_in
from demo.data import Shells, labels, unlabelled
from demo.loop import ENDED, Loop
from demo.mailbox import about, mails
from demo.results import Crashed, Drifted, Reviewed, Scored, Trained
from local_cloud.cloud import Cloud

ALERTS = "platform@example.com"
TRAINING_STEPS = {
    *("Preprocess", "DataQualityBaseline", "Train", "Evaluate", "CheckMetric"),
    "RegisterModel",
}


def names_of(run) -> set[str]:
    """Step names, a model step's suffix left out."""
    return {step.name.split("-")[0] for step in run.steps}


def numbers(rows: list[str]) -> list[float]:
    return [float(row.rpartition(",")[2]) for row in rows]


# --- 2: train -------------------------------------------------------------------------------------


def test_a_drop_of_labelled_data_is_one_run_that_names_its_cause(loop: Loop, trained: Trained):
    assert loop.run_arns(loop.training)[0] == trained.run.arn
    assert re.fullmatch(r"upload-\d{8}-\d{6}-[0-9a-f]{10}", trained.run.display_name)
    assert trained.run.description == "upload of 1 file: heavy.csv"
    assert names_of(trained.run) == TRAINING_STEPS
    assert {step.status for step in trained.run.steps} == {"Succeeded"}


def test_the_run_read_exactly_its_drop(loop: Loop, trained: Trained):
    pages = loop.sagemaker.list_pipeline_parameters_for_execution(
        PipelineExecutionArn=trained.run.arn
    )
    given = {one["Name"]: one["Value"] for one in pages["PipelineParameters"]}
    assert given["InputDataType"] == "ManifestFile"
    prefix, *names = loop.read_json(given["InputData"])
    assert prefix == {"prefix": f"s3://{loop.bucket}/abalone/training/data/raw/"}
    assert names == ["heavy.csv"]


def test_the_version_says_where_it_comes_from(loop: Loop, trained: Trained):
    version = trained.version
    assert (version.number, version.approval) == (1, "PendingManualApproval")
    metadata = version.metadata
    assert (metadata["kind"], metadata["run"]) == ("training", trained.run.arn)
    assert metadata["metric"] == "mse"
    assert float(metadata["threshold"]) == 10.0
    assert metadata["training_data_type"] == "ManifestFile"
    folder = f"s3://{loop.bucket}/{loop.run_folder(trained.run)}"
    uris = [version.artefact, *version.reports.values(), metadata["preprocessor"]]
    uris += [metadata["baseline_statistics"], metadata["baseline_constraints"]]
    for uri in uris:
        assert uri.startswith(folder)
        assert loop.read(uri)


def test_its_reports_hold_what_they_should(loop: Loop, trained: Trained):
    evaluation, statistics, constraints = map(loop.read_json, trained.version.reports.values())
    assert 0 < evaluation["regression_metrics"]["mse"]["value"] < 10
    described = {feature["name"] for feature in statistics["features"]}
    constrained = {feature["name"] for feature in constraints["features"]}
    assert described == constrained
    assert {"sex", "length", "shell_weight"} <= described
    assert "rings" not in described  # scoring input has no label to compare


def test_a_mail_asks_for_approval_with_the_numbers(loop: Loop, cloud: Cloud, trained: Trained):
    mse = loop.read_json(trained.version.reports["evaluation"])["regression_metrics"]["mse"]
    text = trained.mail.text
    assert trained.mail.subject == "abalone: version 1 (training) waits for your approval"
    assert f"mse {mse['value']:.4g}, threshold 10" in text
    assert "Live now  nothing yet" in text
    assert trained.version.reports["evaluation"] in text
    everybody = about(mails(Path(cloud.info["mail_dir"])), "waits for your approval", "version 1 ")
    recipients = [mail.recipients for mail in everybody]
    assert sorted(recipients) == [(loop.recipient,), (ALERTS,)]  # one each


def test_the_command_names_the_version_and_nothing_else(trained: Trained):
    (command,) = commands_in(trained.mail.text)
    assert command.split() == [
        *("aws", "sagemaker", "update-model-package"),
        *("--model-package-arn", trained.version.arn),
        *("--model-approval-status", "Approved"),
    ]


# --- 3: approve -----------------------------------------------------------------------------------


def test_the_version_is_live_through_ci(loop: Loop, trained: Trained, went_live):
    live = went_live.live
    assert live.mail.subject == "abalone: version 1 is live"
    assert loop.info["gitlab_url"] in live.mail.text
    assert live.version.approval == "Approved"


def test_inference_uses_exactly_that_package(trained: Trained, went_live):
    text = json.dumps(went_live.live.definition)
    folder = f"/runs/{trained.run.id}/"
    runs_named = set(re.findall(r"/runs/([^/\"]+)/", text))
    assert runs_named == {trained.run.id}, "nothing of another run"
    assert trained.version.artefact in text
    assert text.count(folder) >= 4  # artefact, preprocessor, statistics, constraints


def test_who_approved_is_in_the_audit(loop: Loop, trained: Trained, went_live):
    lines = [line for entry in loop.audit() for line in entry["decided"]]
    approved = [
        line
        for line in lines
        if trained.version.arn in line["cause"] and line["outcome"] == "refresh"
    ]
    assert len(approved) == 1
    assert approved[0]["actor"]
    assert approved[0]["actor"] != "registry"


# --- 4: score what is like the training data ------------------------------------------------------


def test_scoring_input_is_one_run_that_succeeds(loop: Loop, scored: Scored):
    assert scored.run.description == "upload of 1 file: heavy-kept-back.csv"
    assert {step.status for step in scored.run.steps} == {"Succeeded"}
    assert {"Predict", "JoinPredictions", "DataQualityCheck", "ModelQuality"} <= names_of(
        scored.run
    )


def test_each_row_has_its_prediction_in_the_order_of_the_input(data: Shells, scored: Scored):
    rows = scored.predictions["heavy-kept-back.csv"]
    given = unlabelled(data.kept_back).decode().splitlines()
    assert [row.rpartition(",")[0] for row in rows] == given


def test_predictions_are_those_of_the_model_itself(
    loop: Loop, cloud: Cloud, data: Shells, trained: Trained, scored: Scored, tmp_path: Path
):
    """The real library, given the registered artefact and the features, says the same."""
    (tmp_path / "model.tar.gz").write_bytes(loop.read(trained.version.artefact))
    keys = loop.keys(loop.run_folder(scored.run))
    (features,) = (key for key in keys if "/features/" in key)
    (tmp_path / "features.csv").write_bytes(loop.read(features))
    script = """
import sys, tarfile, numpy, xgboost
with tarfile.open("model.tar.gz") as archive:
    model = archive.extractfile("xgboost-model").read()
booster = xgboost.Booster(model_file=bytearray(model))
rows = numpy.loadtxt("features.csv", delimiter=",", ndmin=2)
for value in booster.predict(xgboost.DMatrix(rows)):
    print(repr(float(value)))
"""
    python = cloud.server.settings.jobs_python
    done = subprocess.run(
        [str(python), "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    expected = [float(line) for line in done.stdout.split()]
    found = numbers(scored.predictions["heavy-kept-back.csv"])
    assert found == pytest.approx(expected, rel=1e-6)
    assert len(set(found)) > 100


def test_like_data_has_no_violation_and_passes(data: Shells, scored: Scored):
    predicted = numbers(scored.predictions["heavy-kept-back.csv"])
    truth = [float(row) for row in labels(data.kept_back).split()]
    mse = math.fsum((p - t) ** 2 for p, t in zip(predicted, truth, strict=True)) / len(truth)
    assert scored.violations == []
    assert scored.verdict["value"] == pytest.approx(mse)
    assert scored.verdict["threshold"] == 10.0
    assert scored.verdict["rows"] == 363
    assert scored.verdict["passed"] is True
    assert mse < 10


def test_everything_lies_under_the_runs_own_folder(loop: Loop, scored: Scored):
    folder = loop.run_folder(scored.run)
    written = {key.removeprefix(folder).partition("/")[0] for key in loop.keys(folder)}
    wanted = {"features", "scores", "predictions", "data-quality", "model-quality"}
    assert wanted <= written
    top = {key.split("/")[1] for key in loop.keys("abalone/")}
    assert top == {"training", "batch-scoring", "runs", "drops", "code"}


# --- 5: drift -------------------------------------------------------------------------------------


def test_light_shells_violate_and_people_are_told_which_columns(drifted: Drifted):
    features = {violation["feature_name"] for violation in drifted.scored.violations}
    assert {"shell_weight", "length"} <= features
    for feature in ("shell_weight", "length"):
        assert feature in drifted.violations_mail.text
    assert drifted.violations_mail.text.count("constraint_violations.json") == 1


def test_the_threshold_is_missed_not_crashed_into(drifted: Drifted):
    verdict = drifted.scored.verdict
    assert verdict["metric"] == "mse"
    assert verdict["value"] > 10
    assert verdict["rows"] == 1200
    assert f"mse {verdict['value']:.4g} is beyond the threshold 10 on 1,200 rows" in (
        drifted.failure_mail.text
    )


def test_predictions_and_the_report_exist_although_the_run_failed(loop: Loop, drifted: Drifted):
    run = drifted.scored.run
    assert len(drifted.scored.predictions["light.csv"]) == 1200
    report = loop.read_json(f"{loop.run_folder(run)}model-quality/evaluation.json")
    value = report["regression_metrics"]["mse"]["value"]
    assert value == pytest.approx(drifted.scored.verdict["value"])


def test_exactly_one_retuning_names_the_run_and_the_metric(loop: Loop, drifted: Drifted):
    assert loop.run_arns(loop.training_hpo) == [drifted.retuned.run.arn]
    description = drifted.retuned.run.description
    assert description.startswith("retune because mse ")
    assert description.endswith(drifted.scored.run.arn)
    assert drifted.retuned.run.display_name.startswith("retune-")


def test_the_retuning_searched_on_the_live_models_training_data(
    loop: Loop, trained: Trained, drifted: Drifted
):
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


def test_the_mail_shows_the_live_version_beside_the_retuned_one(drifted: Drifted):
    version, text = drifted.retuned.version, drifted.retuned.mail.text
    assert (version.number, version.metadata["kind"]) == (2, "training-hpo")
    assert "Live now  version 1, mse " in text
    assert "review_board_reference" in commands_in(text)[0]


# --- 6: review ------------------------------------------------------------------------------------


def test_without_the_boards_reference_it_goes_back(reviewed: Reviewed):
    assert reviewed.returned.approval == "PendingManualApproval"
    assert "review_board_reference" in reviewed.returned.described["ApprovalDescription"]
    assert "has no review_board_reference" in reviewed.returned_mail.text
    assert "It is back to PendingManualApproval" in reviewed.returned_mail.text


def test_with_the_boards_reference_it_is_live(reviewed: Reviewed, drifted: Drifted):
    live = reviewed.live
    assert live.version.metadata["review_board_reference"] == "MRB-2025-017"
    assert live.version.metadata["kind"] == "training-hpo", "what the pipeline wrote is kept"
    assert live.mail.subject == "abalone: version 2 is live"
    runs_named = set(re.findall(r"/runs/([^/\"]+)/", json.dumps(live.definition)))
    assert drifted.retuned.run.id in runs_named


def test_the_boards_reference_is_in_the_audit(loop: Loop, reviewed: Reviewed):
    lines = [line for entry in loop.audit() for line in entry["decided"]]
    mine = [line for line in lines if reviewed.live.version.arn in line["cause"]]
    outcomes = [line["outcome"] for line in mine if line["outcome"] not in ("nothing", "live")]
    assert outcomes[:2] == ["returned to pending", "refresh"]
    assert "board reference MRB-2025-017" in [line["reason"] for line in mine]


def test_people_are_told_once_that_a_version_waits(loop: Loop, reviewed: Reviewed):
    found = about(loop.mails(), "waits for your approval", reviewed.live.version.arn)
    assert len(found) == 1, "going back to pending is told by its own mail"


# --- 7: crash -------------------------------------------------------------------------------------


def test_a_crash_is_told_with_its_cause_and_starts_nothing(loop: Loop, crashed: Crashed):
    assert crashed.decided["outcome"] == "nothing"
    assert "crashed" in crashed.decided["reason"]
    assert "ground-truth/lacks-a-label.csv has 59 values where 60 rows were predicted" in (
        crashed.mail.text
    )
    assert len(loop.run_arns(loop.training_hpo)) == 1


def test_nothing_was_lost_or_left_over(loop: Loop, crashed: Crashed):
    for pipeline in (loop.training, loop.training_hpo, loop.inference):
        for arn in loop.run_arns(pipeline):
            assert loop.run(arn).status in ENDED
    queues = loop.sqs.list_queues()["QueueUrls"]
    dead = [url for url in queues if "DeadLetters" in url]
    assert len(dead) == 2
    for url in dead:
        answer = loop.sqs.get_queue_attributes(
            QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"]
        )
        assert answer["Attributes"]["ApproximateNumberOfMessages"] == "0"


def test_predictions_are_csv_that_any_reader_takes(scored: Scored):
    rows = list(csv.reader(scored.predictions["heavy-kept-back.csv"]))
    assert {len(row) for row in rows} == {9}
