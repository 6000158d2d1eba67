"""What the demo is made of, without a cloud: its data, and the commands it takes from mails."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest

from demo import commands, mailbox, stages
from demo.data import cells, labels, shells, unlabelled
from demo.loop import StageFailed
from demo.progress import Progress


def test_heavy_and_light_shells_are_those_of_the_published_data() -> None:
    data = shells()
    assert (len(data.heavy), len(data.kept_back), len(data.light)) == (1814, 363, 1200)
    lightest = min(float(cells(row)[7]) for row in (*data.heavy, *data.kept_back))
    assert lightest >= max(float(cells(row)[7]) for row in data.light)


def test_scoring_input_and_ground_truth_are_the_two_halves_of_a_row() -> None:
    rows = shells().kept_back[:2]
    halves = zip(unlabelled(rows).splitlines(), labels(rows).splitlines(), strict=True)
    assert tuple(f"{left.decode()},{right.decode()}" for left, right in halves) == rows


def test_a_command_over_several_lines_is_one_command() -> None:
    text = 'Do:\n\n  aws sagemaker x \\\n    --a b \\\n    --c "d e"\n\nThank you'
    assert [" ".join(one.split()) for one in commands.commands_in(text)] == [
        'aws sagemaker x --a b --c "d e"'
    ]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("rm -rf /", "expected `aws SERVICE OPERATION"),
        ("aws sagemaker approve-everything", "sagemaker has no operation approve-everything"),
        ("aws sagemaker update-model-package --arn x", "has no option --arn"),
        ("aws sagemaker update-model-package --model-package-arn", "or it lacks a value"),
    ],
)
def test_a_command_that_the_aws_cli_would_reject_is_rejected(command: str, said: str) -> None:
    session = boto3.Session("AKIA", "secret", region_name="us-east-1")
    with pytest.raises(commands.CommandError, match=said):
        commands.run(session, command, "http://127.0.0.1:1")


def test_a_mail_is_read_as_its_reader_sees_it(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "1").write_bytes(
        b"To: a@example.com\r\nSubject: =?utf-8?q?gr=C3=B6=C3=9Fe?=\r\n"
        b"Date: Tue, 24 Nov 2026 09:00:00 +0000\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n\r\nline one\r\nline two\r\n"
    )
    (mail,) = mailbox.mails(tmp_path)
    assert (mail.recipients, mail.subject) == (("a@example.com",), "größe")
    assert mail.text == "line one\nline two\n"
    assert mailbox.about([mail], "größe", "two") == [mail]
    assert mailbox.about([mail], "three") == []


def test_the_table_has_a_line_for_each_stage(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(stages=2)
    for stage in ("Deploy", "Train"):
        progress.stage(stage)
        progress.done("done")
    assert "[2/2] Train" in capsys.readouterr().out
    assert progress.table()[1].split()[:2] == ["2", "Train"]


@pytest.mark.parametrize("place", ['"THE BOARD\'S REFERENCE"', "REFERENCE"])
def test_the_boards_reference_takes_the_place_that_the_mail_leaves(place: str) -> None:
    command = f"aws x y --customer-metadata-properties review_board_reference={place} --z 1"
    filled = stages.with_reference(command, "MRB-1")
    assert filled == "aws x y --customer-metadata-properties review_board_reference=MRB-1 --z 1"


def test_a_command_without_a_place_for_the_reference_is_a_failure() -> None:
    with pytest.raises(StageFailed, match="no place for the board's reference"):
        stages.with_reference("aws x y", "MRB-1")
