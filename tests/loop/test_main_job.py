"""The main job on real data through the laptop cloud: stages 2 to 4."""

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
from demo.loop import Loop, Run
from demo.mailbox import about, mails
from demo.results import Scored, Trained
from local_cloud.cloud import Cloud
from tests.loop.loop_books import WentLive

ALERTS = "platform@example.com"
TRAINING_STEPS = {
    *("Preprocess", "DataQualityBaseline", "Train", "Evaluate", "CheckMetric"),
    "RegisterModel",
}


def names_of(run: Run) -> set[str]:
    """Step names, a model step's suffix left out."""
    return {step.name.split("-")[0] for step in run.steps}


def numbers(rows: list[str]) -> list[float]:
    return [float(row.rpartition(",")[2]) for row in rows]


# --- 2: train -------------------------------------------------------------------------------------


def test_a_drop_of_labelled_data_is_one_run_that_names_its_cause(
    loop: Loop, trained: Trained
) -> None:
    assert loop.run_arns(loop.training)[0] == trained.run.arn
    assert re.fullmatch(r"upload-\d{8}-\d{6}-[0-9a-f]{10}", trained.run.display_name)
    assert trained.run.description == "upload of 1 file: heavy.csv"
    assert names_of(trained.run) == TRAINING_STEPS
    assert {step.status for step in trained.run.steps} == {"Succeeded"}


def test_the_run_read_exactly_its_drop(loop: Loop, trained: Trained) -> None:
    pages = loop.sagemaker.list_pipeline_parameters_for_execution(
        PipelineExecutionArn=trained.run.arn
    )
    given = {one["Name"]: one["Value"] for one in pages["PipelineParameters"]}
    assert given["InputDataType"] == "ManifestFile"
    prefix, *names = loop.read_json(given["InputData"])
    assert prefix == {"prefix": f"s3://{loop.bucket}/abalone/training/data/raw/"}
    assert names == ["heavy.csv"]


def test_the_version_says_where_it_comes_from(loop: Loop, trained: Trained) -> None:
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


def test_its_reports_hold_what_they_should(loop: Loop, trained: Trained) -> None:
    evaluation, statistics, constraints = map(loop.read_json, trained.version.reports.values())
    assert 0 < evaluation["regression_metrics"]["mse"]["value"] < 10
    described = {feature["name"] for feature in statistics["features"]}
    constrained = {feature["name"] for feature in constraints["features"]}
    assert described == constrained
    assert {"sex", "length", "shell_weight"} <= described
    assert "rings" not in described  # scoring input has no label to compare


def test_a_mail_asks_for_approval_with_the_numbers(
    loop: Loop, cloud: Cloud, trained: Trained
) -> None:
    mse = loop.read_json(trained.version.reports["evaluation"])["regression_metrics"]["mse"]
    text = trained.mail.text
    assert trained.mail.subject == "abalone: version 1 (training) waits for your approval"
    assert f"mse {mse['value']:.4g}, threshold 10" in text
    assert re.search("^Live now +nothing yet$", text, re.MULTILINE)
    assert trained.version.reports["evaluation"] in text
    everybody = about(mails(Path(cloud.info["mail_dir"])), trained.mail.subject)
    recipients = [mail.recipients for mail in everybody]
    assert sorted(recipients) == [(loop.recipient,), (ALERTS,)]  # one each


def test_the_command_names_the_version_and_nothing_else(trained: Trained) -> None:
    (command,) = commands_in(trained.mail.text)
    assert command.split() == [
        *("aws", "sagemaker", "update-model-package"),
        *("--model-package-arn", trained.version.arn),
        *("--model-approval-status", "Approved"),
    ]


# --- 3: approve -----------------------------------------------------------------------------------


def test_the_version_is_live_through_ci(loop: Loop, trained: Trained, went_live: WentLive) -> None:
    live = went_live.live
    assert live.mail.subject == "abalone: version 1 is live"
    assert loop.info["gitlab_url"] in live.mail.text
    assert live.version.approval == "Approved"


def test_inference_uses_exactly_that_package(trained: Trained, went_live: WentLive) -> None:
    text = json.dumps(went_live.live.definition)
    folder = f"/runs/{trained.run.id}/"
    runs_named = set(re.findall(r"/runs/([^/\"]+)/", text))
    assert runs_named == {trained.run.id}, "nothing of another run"
    assert trained.version.artefact in text
    assert text.count(folder) >= 4  # artefact, preprocessor, statistics, constraints


def test_who_approved_is_in_the_audit(loop: Loop, trained: Trained, went_live: WentLive) -> None:
    lines = [line for entry in loop.audit() for line in entry["decided"]]
    approved = [
        line
        for line in lines
        if trained.version.arn in line["event"] and line["outcome"] == "refresh"
    ]
    assert len(approved) == 1
    assert approved[0]["actor"]
    assert approved[0]["actor"] != "registry"


# --- 4: score what is like the training data ------------------------------------------------------


def test_scoring_input_is_one_run_that_succeeds(loop: Loop, scored: Scored) -> None:
    assert scored.run.description == "upload of 1 file: heavy-kept-back.csv"
    assert {step.status for step in scored.run.steps} == {"Succeeded"}
    assert {"Predict", "JoinPredictions", "DataQualityCheck", "ModelQuality"} <= names_of(
        scored.run
    )


def test_each_row_has_its_prediction_in_the_order_of_the_input(
    data: Shells, scored: Scored
) -> None:
    rows = scored.predictions["heavy-kept-back.csv"]
    given = unlabelled(data.kept_back).decode().splitlines()
    assert [row.rpartition(",")[0] for row in rows] == given


def test_predictions_are_those_of_the_model_itself(
    loop: Loop, cloud: Cloud, data: Shells, trained: Trained, scored: Scored, tmp_path: Path
) -> None:
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
    assert cloud.server is not None
    python = cloud.server.settings.jobs_python
    done = subprocess.run(
        [str(python), "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    expected = [float(line) for line in done.stdout.split()]
    found = numbers(scored.predictions["heavy-kept-back.csv"])
    assert found == pytest.approx(expected, rel=1e-6)
    assert len(set(found)) > 100


def test_like_data_has_no_violation_and_passes(data: Shells, scored: Scored) -> None:
    predicted = numbers(scored.predictions["heavy-kept-back.csv"])
    truth = [float(row) for row in labels(data.kept_back).split()]
    mse = math.fsum((p - t) ** 2 for p, t in zip(predicted, truth, strict=True)) / len(truth)
    assert scored.violations == []
    assert scored.verdict["value"] == pytest.approx(mse)
    assert scored.verdict["threshold"] == 10.0
    assert scored.verdict["rows"] == 363
    assert scored.verdict["passed"] is True
    assert mse < 10


def test_everything_is_under_the_runs_own_folder(loop: Loop, scored: Scored) -> None:
    folder = loop.run_folder(scored.run)
    written = {key.removeprefix(folder).partition("/")[0] for key in loop.keys(folder)}
    wanted = {"features", "scores", "predictions", "data-quality", "model-quality"}
    assert wanted <= written
    top = {key.split("/")[1] for key in loop.keys("abalone/")}
    assert top == {"training", "batch-scoring", "runs", "drops", "code"}


def test_predictions_are_csv_that_any_reader_takes(scored: Scored) -> None:
    rows = list(csv.reader(scored.predictions["heavy-kept-back.csv"]))
    assert {len(row) for row in rows} == {9}
