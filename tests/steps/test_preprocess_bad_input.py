"""Bad input ends in one line that names file, row and column, expected and found."""

import json
from pathlib import Path

import pytest

from tests.steps.step_process import Finished, RunStep

GOOD = "red,1,1\ngreen,2,2\nblue,3,3\n"
TRAINING = [
    ("", "is empty: at least one row is expected"),
    ("\n\n", "is empty: at least one row is expected"),
    (GOOD + "red,1\n", "row 4 has 2 columns where 3 are expected, as in the rows above"),
    (GOOD + "red,1,2,3\n", "row 4 has 4 columns where 3 are expected, as in the rows above"),
    ("red,1\n", "row 1 has 2 columns where 3 are expected: is the label (weight) missing?"),
    ("red;1;1\n", "row 1 has 1 columns where 3 are expected: are its cells separated by commas?"),
    (GOOD + "red,big,4\n", 'row 4 column 2 (size): expected a finite number, found "big"'),
    (GOOD + "red,inf,4\n", 'row 4 column 2 (size): expected a finite number, found "inf"'),
    (GOOD + "red,1_0,4\n", 'row 4 column 2 (size): expected a finite number, found "1_0"'),
    (
        GOOD + "red,1,nan\n",
        'row 4 column 3 (weight): expected a finite number as label, found "nan"',
    ),
    (GOOD + "red,1,\n", 'row 4 column 3 (weight): expected a finite number as label, found ""'),
    (GOOD + "red,1,-inf\n", "row 4 column 3 (weight): expected a finite number as label"),
    ("colour,size,weight\n" + GOOD, 'row 1 looks like a header: "colour,size,weight"'),
    ("Farbe,Grösse,Gewicht\n" + GOOD, 'row 1 looks like a header: "Farbe,Grösse,Gewicht"'),
    (GOOD + "\nred,1,1\n", "row 4 is blank, with more rows below"),
    ('red,1,1\n"green\nish",x,2\n', 'row 2 column 2 (size): expected a finite number, found "x"'),
    ('"red\nish",1,1\n"a\nb",x,2\n', 'row 3 column 2 (size): expected a finite number, found "x"'),
    ('red,1,1\n"green,2,2\n', "row 2 is not valid CSV"),
    (b"red,1,1\ngr\xfcn,2,2\n", "row 2: byte 0xfc is not UTF-8"),
]


@pytest.fixture
def fit(run_step: RunStep, columns: str, tmp_path: Path) -> RunStep:
    def run(content: str | bytes, *more: str) -> Finished:
        path = tmp_path / "data/dir/a b.csv"
        path.parent.mkdir(parents=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return run_step(
            *("preprocess.py", "fit", "--data", tmp_path / "data", "--columns", columns),
            *("--target", "weight", "--output", tmp_path / "out"),
            *("--source", "s3://bucket/raw/", *more),
        )

    return run


@pytest.mark.parametrize(("content", "complaint"), TRAINING, ids=[c for _, c in TRAINING])
def test_training_data_that_cannot_be_used_is_refused_in_one_line(
    fit: RunStep, content: str | bytes, complaint: str
) -> None:
    step = fit(content)
    assert step.code == 1
    assert complaint in step.stderr
    assert step.stderr.startswith("s3://bucket/raw/dir/a b.csv ")
    assert step.stderr.count("\n") == 1
    assert step.message == step.stderr.strip()


def test_one_row_cannot_be_split(fit: RunStep) -> None:
    step = fit("red,1,1\n")
    assert (step.code, step.message) == (
        1,
        "s3://bucket/raw/dir/a b.csv holds 1 row:"
        " at least 3 are needed to split into train, validation and test",
    )


def test_equal_rows_only_cannot_be_split(fit: RunStep) -> None:
    assert "too many are equal" in fit("red,1,1\n" * 50).message


def test_no_file_at_all_is_reported(run_step: RunStep, columns: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv.bak").write_text(GOOD)
    step = run_step(
        *("preprocess.py", "fit", "--data", tmp_path, "--columns", columns),
        *("--target", "weight", "--output", tmp_path / "out", "--source", "s3://bucket/raw/"),
    )
    assert step.code == 1
    assert "no file ending in .csv in s3://bucket/raw/" in step.message


def test_a_missing_header_is_noticed_where_one_is_expected(fit: RunStep) -> None:
    step = fit(GOOD, "--header")
    assert 'row 1: expected the header colour,size,weight, found "red,1,1"' in step.message


def test_a_header_alone_is_no_data(fit: RunStep) -> None:
    assert "has a header and no rows" in fit("colour,size,weight\n", "--header").message


def test_a_column_that_is_an_identifier_is_refused(fit: RunStep) -> None:
    step = fit("".join(f"id{i},{i},{i}\n" for i in range(2000)))
    assert "column colour has more than 1000 categories" in step.message


def test_an_exit_message_never_exceeds_one_kilobyte(fit: RunStep) -> None:
    message = fit("red,1\n", "--source", "s3://bucket/" + "ü" * 1000 + "/").message
    assert message.startswith("s3://bucket/üü")
    assert 1000 < len(message.encode()) <= 1024


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (
            "red,1,9\n",
            "a.csv row 1 has 3 columns where 2 are expected: is the label (weight) still",
        ),
        ("", "a.csv is empty"),
        ("red,x\n", 'a.csv row 1 looks like a header: "red,x"'),
        ("red,1\nred,x\n", 'a.csv row 2 column 2 (size): expected a finite number, found "x"'),
    ],
)
def test_scoring_input_that_cannot_be_used_is_refused(
    run_step: RunStep, tmp_path: Path, content: str, complaint: str
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.csv").write_text(content)
    fitted = tmp_path / "preprocessor.json"
    names = [("colour", "categorical"), ("size", "numeric"), ("weight", "numeric")]
    fitted.write_text(
        json.dumps(
            {
                "header": False,
                "target": "weight",
                "columns": [{"name": name, "type": kind} for name, kind in names],
                "features": [
                    {"type": "categorical", "categories": ["red"], "fill": "red"},
                    {"type": "numeric", "mean": 0.0, "std": 1.0, "fill": 0.0},
                ],
            }
        )
    )
    step = run_step(
        *("preprocess.py", "transform", "--data", tmp_path / "data"),
        *("--preprocessor", fitted, "--output", tmp_path / "out"),
    )
    assert step.code == 1
    assert complaint in step.message


def test_a_crash_leaves_a_plain_message_and_a_traceback(run_step: RunStep, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    step = run_step(
        *("preprocess.py", "transform", "--data", tmp_path / "data"),
        *("--preprocessor", tmp_path / "nowhere.json", "--output", tmp_path / "out"),
    )
    assert step.code == 1
    assert step.message.startswith("preprocess.py crashed: FileNotFoundError")
    assert "Traceback" in step.stderr
