"""Bad input through the laptop cloud: clear errors that name file, row and column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from demo import stages
from demo.data import Rows, Shells, labelled, labels, unlabelled
from demo.loop import GROUND_TRUTH, SCORING, TRAINING, Loop, Run
from demo.mailbox import Mail, about
from demo.results import Crashed, Trained
from tests.loop.loop_books import (
    WentLive,
    decide_said,
    deliver_upload_again,
    drained,
    lane,
    version_of,
)

LONG = "/".join(["x" * 200] * 4) + "/" + "y" * 161 + ".csv"
ODD_NAMES = ("with space.csv", "a+b&c=d.csv", "größe-測定.csv", LONG)


@dataclass(frozen=True)
class Refused:
    """A run that bad data failed, and the mail about it."""

    run: Run
    mail: Mail


def with_cell(rows: Rows, row: int, column: int, text: str) -> Rows:
    """The rows with one cell replaced; both are counted from 1."""
    cells = rows[row - 1].split(",")
    cells[column - 1] = text
    return (*rows[: row - 1], ",".join(cells), *rows[row:])


def cut(rows: Rows, row: int) -> Rows:
    """The rows, one of them without its last cell."""
    return (*rows[: row - 1], rows[row - 1].rpartition(",")[0], *rows[row:])


HEADER = "sex,length,diameter,height,whole_weight,shucked_weight,viscera_weight,shell_weight,rings"

# What is wrong -> (rows, what the message says after the file's name)
TRAINING_CASES: dict[str, tuple[Callable[[Rows], Rows], str]] = {
    "ragged": (lambda r: cut(r, 7), "row 7 has 8 columns where 9 are expected"),
    "text": (
        lambda r: with_cell(r, 5, 2, "heavy"),
        'row 5 column 2 (length): expected a finite number, found "heavy"',
    ),
    "header": (lambda r: (HEADER, *r), "row 1 looks like a header"),
    "no-label": (
        lambda r: tuple(row.rpartition(",")[0] for row in r),
        "row 1 has 8 columns where 9 are expected: is the label (rings) missing?",
    ),
    "one-row": (lambda r: r[:1], "holds 1 row: at least 3 are needed"),
}
SCORING_CASES: dict[str, tuple[Callable[[Rows], Rows], str]] = {
    "ragged": (lambda r: cut(r, 7), "row 7 has 7 columns where 8 are expected"),
    "text": (
        lambda r: with_cell(r, 6, 8, "light"),
        'row 6 column 8 (shell_weight): expected a finite number, found "light"',
    ),
    "header": (lambda r: (HEADER.rpartition(",")[0], *r), "row 1 looks like a header"),
    "label": (
        lambda r: tuple(f"{row},9" for row in r),
        "row 1 has 9 columns where 8 are expected: is the label (rings) still there?",
    ),
}


def refused(loop: Loop, arn: str) -> Refused:
    run = loop.ended(arn, "Failed")
    return Refused(run, loop.mail("about the failed run", f"{run.pipeline} failed", run.id))


@pytest.fixture(scope="session")
def bad_training(
    loop: Loop, data: Shells, trained: Trained, crashed: Crashed
) -> dict[str, Refused]:
    found = {}
    for case, (spoil, _) in TRAINING_CASES.items():
        before = loop.run_arns(loop.training)
        loop.upload(TRAINING, f"{case}.csv", labelled(spoil(data.heavy[:50])))
        found[case] = refused(loop, loop.new_run(loop.training, before))
    return found


@pytest.fixture(scope="session")
def bad_scoring(loop: Loop, data: Shells, crashed: Crashed) -> dict[str, Refused]:
    found = {}
    rows = tuple(row.rpartition(",")[0] for row in data.kept_back[:50])
    for case, (spoil, _) in SCORING_CASES.items():
        before = loop.run_arns(loop.inference)
        loop.upload(SCORING, f"{case}.csv", labelled(spoil(rows)))
        found[case] = refused(loop, loop.new_run(loop.inference, before))
    return found


@pytest.mark.parametrize("case", TRAINING_CASES)
def test_bad_training_data_fails_with_file_row_and_column(
    case: str, bad_training: dict[str, Refused]
) -> None:
    found = bad_training[case]
    said = TRAINING_CASES[case][1]
    assert [step.name for step in found.run.steps if step.status == "Failed"] == ["Preprocess"]
    assert f"{case}.csv {said}" in found.mail.text
    assert len(about([found.mail], "Step Preprocess failed: ")) == 1


@pytest.mark.parametrize("case", SCORING_CASES)
def test_bad_scoring_input_fails_with_file_row_and_column(
    case: str, bad_scoring: dict[str, Refused]
) -> None:
    found = bad_scoring[case]
    assert f"{case}.csv {SCORING_CASES[case][1]}" in found.mail.text


def test_bad_data_registers_nothing_and_predicts_nothing(
    loop: Loop, bad_training: dict[str, Refused], bad_scoring: dict[str, Refused]
) -> None:
    assert len(stages.versions(loop)) == 2
    for found in bad_scoring.values():
        assert stages.predictions_of(loop, found.run) == {}


def test_text_in_the_ground_truth_is_a_crash_that_names_its_row(
    loop: Loop, data: Shells, crashed: Crashed
) -> None:
    before, retunings = loop.run_arns(loop.inference), loop.run_arns(loop.training_hpo)
    rows = data.kept_back[:30]
    truth = labels(rows).decode().splitlines()
    truth[10] = "old"
    loop.upload(GROUND_TRUTH, "text-truth.csv", "\n".join(truth).encode())
    loop.upload(SCORING, "text-truth.csv", unlabelled(rows))
    found = refused(loop, loop.new_run(loop.inference, before))
    assert "ground-truth/text-truth.csv row 11 column 1" in found.mail.text
    assert 'found "old"' in found.mail.text
    assert loop.decided("it", f"model-quality/{found.run.arn}")["outcome"] == "ignored"
    assert loop.run_arns(loop.training_hpo) == retunings


# --- what the control plane itself does not take --------------------------------------------------


@pytest.mark.parametrize(
    ("folder", "name", "body", "reason"),
    [
        (TRAINING, "empty.csv", b"", "it is empty (0 bytes)"),
        (TRAINING, "heavy.csv.bak", b"M,1\n", "its name does not end with .csv"),
        ("training/data/", "beside.csv", b"M,1\n", "it is outside the watched folders"),
        (SCORING, "z" * 300 + ".csv", b"M,1\n", "a part of its name has 304 bytes"),
        (SCORING, "a/../b.csv", b"M,1\n", "'.' or '..' part"),
    ],
)
def test_a_file_that_is_no_data_starts_nothing_and_says_why(
    loop: Loop, trained: Trained, folder: str, name: str, body: bytes, reason: str
) -> None:
    before = loop.run_arns(loop.training), loop.run_arns(loop.inference)
    key = loop.upload(folder, name, body)
    mail = loop.mail(f"that {name} was ignored", "was ignored", repr(key))
    assert reason in mail.text
    assert (loop.run_arns(loop.training), loop.run_arns(loop.inference)) == before
    assert lane(loop, loop.training)["waiting"] is None
    assert loop.read(key) == body, "nothing is lost"


def test_a_file_outside_every_project_starts_nothing(loop: Loop, trained: Trained) -> None:
    before = loop.run_arns(loop.training), loop.run_arns(loop.inference)
    loop.s3.put_object(Bucket=loop.bucket, Key="somebody-elses/data.csv", Body=b"1\n")
    decide_said(loop, "no project's prefix matches 'somebody-elses/data.csv'")
    assert (loop.run_arns(loop.training), loop.run_arns(loop.inference)) == before


# --- odd, but right -------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def odd_names(loop: Loop, data: Shells, crashed: Crashed) -> Run:
    """One drop of files with odd names and one row, and a file of a single row."""
    before = loop.run_arns(loop.inference)
    for at, name in enumerate(ODD_NAMES):
        loop.upload(SCORING, name, unlabelled(data.kept_back[at : at + 1]))
    run = loop.ended(loop.new_run(loop.inference, before))
    stages.only_one(loop, loop.inference, before)
    return run


def test_odd_names_keep_their_predictions_apart(loop: Loop, data: Shells, odd_names: Run) -> None:
    assert len(loop.key(SCORING, LONG)) == 1000
    predictions = stages.predictions_of(loop, odd_names)
    assert set(predictions) == set(ODD_NAMES)
    for at, name in enumerate(ODD_NAMES):
        (row,) = predictions[name]
        assert row.rpartition(",")[0] == data.kept_back[at].rpartition(",")[0]


def test_a_drop_of_many_files_is_one_run_that_counts_them(odd_names: Run) -> None:
    assert odd_names.description.startswith("upload of 4 files: ")


# --- too early, twice, by others ------------------------------------------------------------------


def test_input_before_any_model_is_live_waits_and_then_runs(
    loop: Loop, early: Mail, went_live: WentLive, early_run: str
) -> None:
    assert went_live.runs_before == []
    assert "nothing is lost" in early.text
    run = loop.run(early_run)
    assert run.description == "upload of 1 file: too-early.csv"
    assert len(stages.predictions_of(loop, run)["too-early.csv"]) == 3
    steps = {step.name for step in run.steps}
    assert "ModelQuality" not in steps, "there is no ground truth"


def audit_of_training(loop: Loop) -> list[Any]:
    """What was decided of training; a run of another test may still end meanwhile."""
    return [line for line in loop.audit() if line["lane"] == loop.training]


def test_a_second_delivery_of_an_upload_starts_nothing(loop: Loop, trained: Trained) -> None:
    before = loop.run_arns(loop.training)
    version = version_of(loop, loop.key(TRAINING, "heavy.csv"))
    books = audit_of_training(loop)
    for _ in range(3):
        deliver_upload_again(loop, version)
    drained(loop)
    assert lane(loop, loop.training)["waiting"] is None
    assert loop.run_arns(loop.training) == before
    assert audit_of_training(loop) == books


def test_approval_in_another_group_refreshes_nothing(
    loop: Loop, trained: Trained, went_live: WentLive
) -> None:
    before = stages.inference_definition(loop)
    group = "somebody-elses"
    loop.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    container = trained.version.described["InferenceSpecification"]["Containers"][0]
    arn = loop.sagemaker.create_model_package(
        ModelPackageGroupName=group,
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [
                {"Image": container["Image"], "ModelDataUrl": container["ModelDataUrl"]}
            ],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]
    loop.sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    decide_said(loop, f"no project has the model package group '{group}'")
    assert stages.inference_definition(loop) == before
    assert about(loop.mails(), arn) == []
