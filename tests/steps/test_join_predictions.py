"""What `join_predictions.py` makes of the input and the output of batch transform."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.steps.step_process import Finished, RunStep


@pytest.fixture
def join(run_step: RunStep, tmp_path: Path) -> RunStep:
    def run(data: dict[str, str], scores: dict[str, str], header: bool = False) -> Finished:
        for folder, files in (("data", data), ("scores", scores)):
            for name, content in files.items():
                path = tmp_path / folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content.encode())
        preprocessor = tmp_path / "preprocessor.json"
        preprocessor.write_text(json.dumps({"header": header}))
        return run_step(
            *("join_predictions.py", "--data", tmp_path / "data", "--scores", tmp_path / "scores"),
            *("--preprocessor", preprocessor, "--output", tmp_path / "out"),
        )

    return run


@pytest.fixture
def joined(tmp_path: Path) -> Callable[[str], str]:
    return lambda name: (tmp_path / "out/predictions" / name).read_bytes().decode()


def test_every_row_is_as_it_was_with_its_prediction_last(
    join: RunStep, joined: Callable[[str], str]
) -> None:
    step = join(
        {"a.csv": '=1+1, 02,"x, ""y"""\n-,+3.0,\n', "b/c d.csv": "1\n"},
        {"a.csv.out": "1.5\n2.5\n", "b/c d.csv.out": "3"},
    )
    assert step.code == 0, step.stderr
    assert joined("a.csv") == '=1+1, 02,"x, ""y""",1.5\n-,+3.0,,2.5\n'
    assert joined("b/c d.csv") == "1,3\n"


def test_a_header_gets_a_name_for_the_prediction(
    join: RunStep, joined: Callable[[str], str]
) -> None:
    join({"a.csv": "x,y\n1,2\n"}, {"a.csv.out": "9\n"}, header=True)
    assert joined("a.csv") == "x,y,prediction\n1,2,9\n"


def test_line_ends_and_lines_inside_quotes_stay(
    join: RunStep, joined: Callable[[str], str]
) -> None:
    join({"a.csv": '\ufeff1,"two\r\nlines"\r\n3,4\r\n\r\n'}, {"a.csv.out": "8\n9\n"})
    assert joined("a.csv") == '1,"two\r\nlines",8\r\n3,4,9\r\n'


@pytest.mark.parametrize(("scores", "count"), [("1\n", 1), ("1\n2\n3\n", 3)])
def test_another_number_of_predictions_than_rows_is_refused(
    join: RunStep, scores: str, count: int
) -> None:
    step = join({"b/a.csv": "1\n2\n"}, {"b/a.csv.out": scores})
    assert step.code == 1
    assert step.message == (
        f"b/a.csv has 2 rows but {count} predictions: one prediction per row is expected"
    )


def test_a_file_without_predictions_is_refused(join: RunStep) -> None:
    step = join({"a.csv": "1\n", "b.csv": "1\n"}, {"a.csv.out": "1\n"})
    assert step.message == "b.csv has no predictions: b.csv.out is not there"


@pytest.mark.parametrize("scores", ["1\nnan\n", "1\n1,2\n", "1\noops\n"])
def test_a_prediction_that_is_no_number_is_refused(join: RunStep, scores: str) -> None:
    step = join({"a.csv": "1\n2\n"}, {"a.csv.out": scores})
    assert step.message.startswith("a.csv.out row 2: expected one number as prediction, found ")
