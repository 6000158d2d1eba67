"""constraint_violations.json: what is a violation, what is noise, and how it is described."""

import json
import random
from pathlib import Path

import pytest

from tests.data_quality.analysis import Analysis, Analyze


def dataset(rows: int = 1000, seed: int = 0, shift: float = 0.0, colours: str = "rgb") -> str:
    """A text, a number and a partly missing number, drawn at random."""
    rng = random.Random(seed)  # noqa: S311 - draws samples, guards nothing
    lines = [
        f"{rng.choice(colours)},{rng.gauss(10 + shift, 1):.4f},{'' if rng.random() < 0.05 else 1}"
        for _ in range(rows)
    ]
    return "\n".join(["colour,size,gap", *lines]) + "\n"


@pytest.fixture
def baseline(analyze: Analyze) -> Analysis:
    return analyze({"a.csv": dataset()})


def check(analyze: Analyze, baseline: Analysis, text: str, **options: str) -> Analysis:
    done = analyze({"b.csv": text}, baseline, **options)
    assert done.code == 0, done.stderr
    return done


@pytest.mark.parametrize("rows", [1, 20, 300, 5000])
def test_more_data_of_the_same_kind_violate_nothing(
    analyze: Analyze, baseline: Analysis, rows: int
) -> None:
    for seed in range(1, 6):
        done = check(analyze, baseline, dataset(rows, seed))
        assert done.read("constraint_violations") == {"violations": []}
        assert "with no violations" in done.message


def test_a_shifted_number_is_drift(analyze: Analyze, baseline: Analysis) -> None:
    done = check(analyze, baseline, dataset(seed=1, shift=1))
    assert done.violations == [("size", "baseline_drift_check")]
    assert done.descriptions.startswith("The mean was 9.9")
    assert "Baseline drift distance: 0.3" in done.descriptions
    assert done.descriptions.endswith("exceeds threshold: 0.1")
    assert done.message == (
        "CompletedWithViolations: Job completed successfully with 1 violations in 1000 rows."
    )


def test_a_threshold_from_the_environment_wins(analyze: Analyze, baseline: Analysis) -> None:
    drifted = dataset(seed=1, shift=1)
    assert check(analyze, baseline, drifted, comparison_threshold="0.9").violations == []


def test_a_threshold_in_the_constraints_is_obeyed_and_a_columns_own_before_it(
    analyze: Analyze, baseline: Analysis
) -> None:
    drifted = dataset(seed=1, shift=1)
    path = baseline.folder / "constraints.json"
    document = json.loads(path.read_text())
    distribution = document["monitoring_config"]["distribution_constraints"]
    distribution["comparison_threshold"] = 0.9
    path.write_text(json.dumps(document))
    assert check(analyze, baseline, drifted).violations == []
    document["features"][1]["monitoringConfigOverrides"] = {
        "distribution_constraints": {"comparison_threshold": 0.05}
    }
    path.write_text(json.dumps(document))
    assert check(analyze, baseline, drifted).violations == [("size", "baseline_drift_check")]


def test_robust_takes_off_what_sampling_explains_and_simple_does_not(
    analyze: Analyze, baseline: Analysis
) -> None:
    few = dataset(20, seed=3)
    assert check(analyze, baseline, few, comparison_method="Robust").violations == []
    simple = check(analyze, baseline, few, comparison_method="Simple")
    assert ("size", "baseline_drift_check") in simple.violations


@pytest.mark.parametrize("method", ["LInfinity", "ChiSquared"])
def test_shifted_categories_are_drift(analyze: Analyze, baseline: Analysis, method: str) -> None:
    done = check(
        analyze, baseline, dataset(seed=1, colours="rrrgb"), categorical_drift_method=method
    )
    assert done.violations == [("colour", "baseline_drift_check")]
    assert "The share of r was 3" in done.descriptions


def test_chi_squared_lets_equal_shares_pass(analyze: Analyze, baseline: Analysis) -> None:
    same = dataset(seed=5)
    options = {"categorical_drift_method": "ChiSquared", "categorical_comparison_threshold": "0.01"}
    assert check(analyze, baseline, same, **options).violations == []


def test_new_categories_are_reported_with_their_counts(
    analyze: Analyze, baseline: Analysis
) -> None:
    done = check(analyze, baseline, dataset(seed=1) + "x,10,1\nx,10,1\n")
    assert done.violations == [("colour", "categorical_values_check")]
    assert "among b, g, r. Observed: 99.8%; the others are x (2 times)." in done.descriptions


def test_a_few_new_categories_pass_below_the_threshold(
    analyze: Analyze, baseline: Analysis
) -> None:
    text = dataset(seed=1) + "x,10,1\n"
    assert check(analyze, baseline, text, domain_content_threshold="0.99").violations == []


def test_text_among_numbers_is_a_wrong_type(analyze: Analyze, baseline: Analysis) -> None:
    done = check(analyze, baseline, dataset(seed=1) + "r,big,1\n")
    assert done.violations == [("size", "data_type_check")]
    assert "Expected data type: Fractional, Expected match: 100%" in done.descriptions
    assert "Observed: Only 99.9% of data is Fractional." in done.descriptions


def test_a_fraction_where_whole_numbers_are_expected_is_a_wrong_type(
    analyze: Analyze, baseline: Analysis
) -> None:
    done = check(analyze, baseline, dataset(seed=1) + "r,10,1.5\n")
    assert ("gap", "data_type_check") in done.violations


def test_a_whole_number_where_fractions_are_expected_is_fine(
    analyze: Analyze, baseline: Analysis
) -> None:
    assert check(analyze, baseline, dataset(seed=1) + "r,10,1\n").violations == []


def test_a_negative_number_where_none_was_is_reported(analyze: Analyze, baseline: Analysis) -> None:
    done = check(analyze, baseline, dataset(seed=1) + "r,-3,1\n")
    assert "1 of 1001 values are below zero, the least is -3" in done.descriptions


def test_more_missing_cells_than_chance_explains_are_reported(
    analyze: Analyze, baseline: Analysis
) -> None:
    text = dataset(seed=1) + "r,10,\n" * 60
    done = check(analyze, baseline, text)
    assert done.violations == [("gap", "completeness_check")]
    assert "of 1060 values are missing" in done.descriptions


def test_one_missing_cell_of_a_column_that_often_misses_some_is_nothing(
    analyze: Analyze, baseline: Analysis
) -> None:
    assert check(analyze, baseline, "colour,size,gap\nr,10,\n").violations == []


def test_one_missing_cell_in_a_complete_column_is_reported(
    analyze: Analyze, baseline: Analysis
) -> None:
    done = check(analyze, baseline, dataset(seed=1) + "r,,1\n")
    assert done.violations == [("size", "completeness_check")]


def test_missing_and_extra_columns_are_reported(analyze: Analyze, baseline: Analysis) -> None:
    done = check(analyze, baseline, dataset(seed=1).replace("gap", "hole", 1))
    assert done.violations == [("gap", "missing_column_check"), ("hole", "extra_column_check")]


def test_nothing_is_evaluated_where_that_is_disabled(analyze: Analyze, baseline: Analysis) -> None:
    drifted = dataset(seed=1, shift=5, colours="x")
    assert check(analyze, baseline, drifted, evaluate_constraints="Disabled").violations == []
    compared = check(analyze, baseline, drifted, perform_comparison="Disabled")
    assert compared.violations == [("colour", "categorical_values_check")]


def test_codes_that_are_categories_are_no_numbers(analyze: Analyze, tmp_path: Path) -> None:
    """As project.yaml says of them: a code that nobody had is told as a code, not as a mean."""
    types = tmp_path / "preprocessor.json"
    columns = [{"name": "place", "type": "categorical"}, {"name": "age", "type": "numeric"}]
    types.write_text(json.dumps({"columns": columns}))
    rows = "".join(f"{i % 3},{i % 90}\n" for i in range(900))
    baseline = analyze({"a.csv": f"place,age\n{rows}"}, column_types=str(types))
    assert baseline.feature("place", "constraints")["string_constraints"] == {
        "domains": ["0", "1", "2"]
    }
    assert "num_constraints" in baseline.feature("age", "constraints")
    assert check(analyze, baseline, f"place,age\n{rows}").violations == []
    done = check(analyze, baseline, f"place,age\n{rows.replace('2,', '17,')}")
    assert ("place", "categorical_values_check") in done.violations
    assert "the others are 17 (" in done.descriptions
