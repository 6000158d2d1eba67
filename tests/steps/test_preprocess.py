"""What `preprocess.py` writes: the parts, the baseline, the preprocessor, the features."""

import csv
import json
import statistics
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.steps.step_process import RunStep

COLOURS = ("red", "green", "blue")
ROWS = [f"{COLOURS[i % 3]},{i * 0.5},{i}" for i in range(100)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "deep/er").mkdir(parents=True)
    (folder / "deep/er/one.csv").write_text("\n".join(ROWS[:40]) + "\n")
    (folder / "two.csv").write_text("\n".join(ROWS[40:]) + "\n")
    return folder


@pytest.fixture
def fit(run_step: RunStep, columns: str, tmp_path: Path) -> Callable[..., Path]:
    def run(data: Path, *more: str, name: str = "fitted") -> Path:
        output = tmp_path / name
        step = run_step(
            *("preprocess.py", "fit", "--data", data, "--columns", columns),
            *("--target", "weight", "--output", output, *more),
        )
        assert step.code == 0, step.stderr
        return output

    return run


@pytest.fixture
def transform(run_step: RunStep, tmp_path: Path) -> Callable[[Path, Path], Path]:
    def run(data: Path, fitted: Path) -> Path:
        output = tmp_path / "transformed"
        step = run_step(
            *("preprocess.py", "transform", "--data", data, "--output", output),
            *("--preprocessor", fitted / "preprocessor/preprocessor.json"),
        )
        assert step.code == 0, step.stderr
        return output

    return run


def read(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def parts(fitted: Path) -> dict[str, list[list[str]]]:
    return {p: read(fitted / p / f"{p}.csv") for p in ("train", "validation", "test")}


def labels(rows: list[list[str]]) -> set[float]:
    return {float(row[0]) for row in rows}


def test_all_rows_of_all_files_are_split_70_15_15_without_overlap(
    fit: Callable[..., Path], data: Path
) -> None:
    split = parts(fit(data))
    assert [len(rows) for rows in split.values()] == [70, 15, 15]
    assert set.union(*map(labels, split.values())) == set(map(float, range(100)))


def test_the_split_depends_on_content_and_not_on_files_or_order(
    fit: Callable[..., Path], data: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "all.csv").write_text("\n".join(reversed(ROWS)) + "\n")
    first, second = parts(fit(data)), parts(fit(other, name="second"))
    assert {p: labels(rows) for p, rows in first.items()} == {
        p: labels(rows) for p, rows in second.items()
    }


def test_another_seed_gives_another_split(fit: Callable[..., Path], data: Path) -> None:
    assert labels(parts(fit(data))["test"]) != labels(parts(fit(data, "--seed", "1"))["test"])


def test_equal_rows_share_a_part(fit: Callable[..., Path], tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.csv").write_text("\n".join(ROWS * 2) + "\n")
    split = parts(fit(folder))
    assert not labels(split["train"]) & labels(split["test"])


def test_the_label_comes_first_and_numbers_are_standardised_by_the_training_rows(
    fit: Callable[..., Path], data: Path
) -> None:
    fitted = fit(data)
    train = parts(fitted)["train"]
    assert all(len(row) == 1 + 1 + len(COLOURS) for row in train)
    sizes = [float(row[-1]) for row in train]
    assert statistics.fmean(sizes) == pytest.approx(0, abs=1e-6)
    assert statistics.pstdev(sizes) == pytest.approx(1, abs=1e-6)
    size = json.loads((fitted / "preprocessor/preprocessor.json").read_text())["features"][1]
    assert size["mean"] == pytest.approx(statistics.fmean(labels(train)) / 2)


def test_the_baseline_holds_the_raw_features_of_every_row_below_a_header(
    fit: Callable[..., Path], data: Path
) -> None:
    baseline = read(fit(data) / "baseline/baseline.csv")
    assert baseline[0] == ["colour", "size"]
    assert baseline[1:] == [row.split(",")[:2] for row in ROWS]


def test_a_header_is_read_where_the_project_has_one(
    fit: Callable[..., Path], transform: Callable[[Path, Path], Path], tmp_path: Path
) -> None:
    labelled, unlabelled = tmp_path / "labelled", tmp_path / "unlabelled"
    for folder, rows in ((labelled, ROWS), (unlabelled, ["red,1"])):
        folder.mkdir()
        names = "colour,size,weight" if folder == labelled else "colour,size"
        (folder / "a.csv").write_text("\n".join([names, *rows]) + "\n")
    fitted = fit(labelled, "--header")
    assert sum(len(rows) for rows in parts(fitted).values()) == 100
    assert len(read(transform(unlabelled, fitted) / "features/a.csv")) == 1


def test_transform_keeps_names_and_order_and_uses_what_was_fitted(
    fit: Callable[..., Path], transform: Callable[[Path, Path], Path], data: Path, tmp_path: Path
) -> None:
    scoring = tmp_path / "scoring"
    (scoring / "a b").mkdir(parents=True)
    (scoring / "a b/ü+1.csv").write_text("blue,10\nred,1000\n")
    (scoring / "z.csv").write_text("green,20\n")
    fitted = fit(data)
    size = json.loads((fitted / "preprocessor/preprocessor.json").read_text())["features"][1]
    transformed = transform(scoring, fitted)
    rows = read(transformed / "features/a b/ü+1.csv")
    assert [row[:3] for row in rows] == [["1", "0", "0"], ["0", "0", "1"]]
    assert float(rows[1][3]) == pytest.approx((1000 - size["mean"]) / size["std"])
    assert len(read(transformed / "features/z.csv")) == 1
    monitored = read(transformed / "monitored/monitored.csv")
    assert monitored == [["colour", "size"], ["blue", "10"], ["red", "1000"], ["green", "20"]]


def test_an_unknown_category_is_all_zeros_and_a_missing_cell_is_filled(
    fit: Callable[..., Path], transform: Callable[[Path, Path], Path], data: Path, tmp_path: Path
) -> None:
    scoring = tmp_path / "scoring"
    scoring.mkdir()
    (scoring / "a.csv").write_text("violet,10\n,\nred,NaN\n")
    fitted = fit(data)
    fill = json.loads((fitted / "preprocessor/preprocessor.json").read_text())["features"][0]
    transformed = transform(scoring, fitted)
    violet, missing, nan = read(transformed / "features/a.csv")
    assert violet[:3] == ["0", "0", "0"]
    assert missing[:3] == ["1" if c == fill["fill"] else "0" for c in ("blue", "green", "red")]
    assert float(missing[3]) == float(nan[3]) == 0
    assert read(transformed / "monitored/monitored.csv")[2:] == [["", ""], ["red", ""]]


def test_labels_of_text_become_class_numbers(run_step: RunStep, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.csv").write_text("".join(f"{i},{'yes' if i % 2 else 'no'}\n" for i in range(40)))
    names = '[{"name": "x", "type": "numeric"}, {"name": "y", "type": "categorical"}]'
    step = run_step(
        *("preprocess.py", "fit", "--data", folder, "--columns", names),
        *("--target", "y", "--output", tmp_path / "out"),
    )
    assert step.code == 0, step.stderr
    assert labels(parts(tmp_path / "out")["train"]) == {0, 1}
    fitted = json.loads((tmp_path / "out/preprocessor/preprocessor.json").read_text())
    assert fitted["target_classes"] == ["no", "yes"]


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + "\n".join(ROWS).encode(),
        "\r\n".join(ROWS).encode(),
        "\n".join(ROWS).encode() + b"\n\n\r\n  \n",
        "\n".join('"{}", {} ,"{}"'.format(*row.split(",")) for row in ROWS).encode(),
    ],
    ids=["byte-order mark", "CRLF", "blank lines at the end", "quotes and spaces"],
)
def test_the_same_rows_are_read_however_they_are_written(
    fit: Callable[..., Path], tmp_path: Path, content: bytes
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.csv").write_bytes(content)
    baseline = read(fit(folder) / "baseline/baseline.csv")
    assert baseline[1:] == [row.split(",")[:2] for row in ROWS]


def test_cells_that_a_spreadsheet_would_execute_are_data(
    fit: Callable[..., Path], transform: Callable[[Path, Path], Path], data: Path, tmp_path: Path
) -> None:
    scoring = tmp_path / "scoring"
    scoring.mkdir()
    (scoring / "a.csv").write_text('"=1+1",-1\n@x,+2\n')
    monitored = read(transform(scoring, fit(data)) / "monitored/monitored.csv")
    assert monitored[1:] == [["=1+1", "-1"], ["@x", "+2"]]


def test_columns_may_come_in_a_file_as_arguments_of_a_container_are_short(
    fit: Callable[..., Path], data: Path, columns: str, tmp_path: Path
) -> None:
    (tmp_path / "columns.json").write_text(columns)
    inline = (fit(data) / "preprocessor/preprocessor.json").read_text()
    fitted = fit(data, "--columns", str(tmp_path / "columns.json"), name="second")
    assert (fitted / "preprocessor/preprocessor.json").read_text() == inline


def test_files_that_are_no_data_are_skipped(fit: Callable[..., Path], data: Path) -> None:
    (data / "two.csv.bak").write_text("not data")
    assert sum(len(rows) for rows in parts(fit(data)).values()) == 100


def test_an_ignored_column_may_hold_anything_and_is_no_feature(
    run_step: RunStep, transform: Callable[[Path, Path], Path], tmp_path: Path
) -> None:
    columns = [{"name": "id", "type": "ignored"}, {"name": "size", "type": "numeric"}]
    columns += [{"name": "weight", "type": "numeric"}, {"name": "at", "type": "ignored"}]
    for name in ("labelled", "unlabelled"):
        (tmp_path / name).mkdir()
    rows = [f"{cell},{i},{2 * i},x" for i in range(50) for cell in (f"id{i}", "")]
    (tmp_path / "labelled/a.csv").write_text("\n".join(rows))
    (tmp_path / "unlabelled/a.csv").write_text("new,24.5,\n,24.5,y\n")
    fitted = tmp_path / "fitted"
    step = run_step(
        *("preprocess.py", "fit", "--data", tmp_path / "labelled", "--target", "weight"),
        *("--columns", json.dumps(columns), "--output", fitted),
    )
    assert step.code == 0, step.stderr
    assert read(fitted / "baseline/baseline.csv")[0] == ["size"]
    assert {len(row) for rows in parts(fitted).values() for row in rows} == {2}
    done = transform(tmp_path / "unlabelled", fitted)
    features = read(done / "features/a.csv")
    assert len(features[0]) == 1
    assert features[0] == features[1]
    assert read(done / "monitored/monitored.csv") == [["size"], ["24.5"], ["24.5"]]


def test_rows_that_differ_only_in_an_ignored_column_share_a_part(
    run_step: RunStep, tmp_path: Path
) -> None:
    columns = [{"name": "id", "type": "ignored"}, {"name": "size", "type": "numeric"}]
    columns += [{"name": "weight", "type": "numeric"}]
    (tmp_path / "data").mkdir()
    rows = [f"{i}-{twin},{i},{i}" for i in range(50) for twin in (1, 2)]
    (tmp_path / "data/a.csv").write_text("\n".join(rows))
    step = run_step(
        *("preprocess.py", "fit", "--data", tmp_path / "data", "--target", "weight"),
        *("--columns", json.dumps(columns), "--output", tmp_path / "fitted"),
    )
    assert step.code == 0, step.stderr
    seen = [labels(rows) for rows in parts(tmp_path / "fitted").values()]
    assert sum(map(len, seen)) == len(set.union(*seen)) == 50
