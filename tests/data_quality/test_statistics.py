"""statistics.json and constraints.json in Model Monitor's shape."""

import statistics

import pytest

from tests.data_quality.analysis import Analysis, Analyze

ROWS = [(f"{'abc'[i % 3]}", i, i / 4, "" if i % 10 == 0 else -i) for i in range(200)]
TEXT = "kind,whole,part,gap\n" + "".join(f"{a},{b},{c},{d}\n" for a, b, c, d in ROWS)


@pytest.fixture
def analysis(analyze: Analyze) -> Analysis:
    done = analyze({"a.csv": TEXT})
    assert done.code == 0, done.stderr
    return done


def test_numbers_are_measured(analysis: Analysis) -> None:
    whole = analysis.feature("whole")
    assert whole["inferred_type"] == "Integral"
    numeric = whole["numerical_statistics"]
    assert numeric["common"] == {"num_present": 200, "num_missing": 0}
    values = range(200)
    assert numeric["sum"] == sum(values)
    assert numeric["mean"] == pytest.approx(statistics.fmean(values))
    assert numeric["std_dev"] == pytest.approx(statistics.pstdev(values))
    assert (numeric["min"], numeric["max"]) == (0, 199)


def test_the_distribution_has_ten_buckets_and_a_sketch(analysis: Analysis) -> None:
    kll = analysis.feature("part")["numerical_statistics"]["distribution"]["kll"]
    assert [bucket["count"] for bucket in kll["buckets"]] == [20] * 10
    assert kll["buckets"][0]["lower_bound"] == 0
    assert kll["buckets"][-1]["upper_bound"] == 49.75
    assert kll["sketch"]["parameters"] == {"c": 0.64, "k": 2048.0}
    assert sorted(kll["sketch"]["data"][0]) == [i / 4 for i in range(200)]


def test_categories_are_counted(analysis: Analysis) -> None:
    strings = analysis.feature("kind")["string_statistics"]
    assert strings["distinct_count"] == 3
    assert strings["distribution"]["categorical"]["buckets"] == [
        {"value": "a", "count": 67},
        {"value": "b", "count": 67},
        {"value": "c", "count": 66},
    ]


def test_constraints_are_suggested(analysis: Analysis) -> None:
    constraints = analysis.read("constraints")
    assert constraints["version"] == 0
    assert [feature["inferred_type"] for feature in constraints["features"]] == [
        *("String", "Integral", "Fractional", "Integral")
    ]
    assert analysis.feature("kind", "constraints")["string_constraints"] == {
        "domains": ["a", "b", "c"]
    }
    assert analysis.feature("whole", "constraints")["num_constraints"] == {"is_non_negative": True}
    gap = analysis.feature("gap", "constraints")
    assert gap["completeness"] == 0.9
    assert gap["num_constraints"] == {"is_non_negative": False}
    assert constraints["monitoring_config"] == {
        "evaluate_constraints": "Enabled",
        "emit_metrics": "Enabled",
        "datatype_check_threshold": 1.0,
        "domain_content_threshold": 1.0,
        "distribution_constraints": {
            "perform_comparison": "Enabled",
            "comparison_threshold": 0.1,
            "comparison_method": "Robust",
            "categorical_comparison_threshold": 0.1,
            "categorical_drift_method": "LInfinity",
        },
    }


def test_a_baseline_alone_is_not_checked(analysis: Analysis) -> None:
    assert analysis.read("constraint_violations") is None
    assert analysis.message == "Completed: 200 rows measured."


def test_thresholds_come_from_the_environment(analyze: Analyze) -> None:
    done = analyze({"a.csv": TEXT}, comparison_threshold="0.3", comparison_method="Simple")
    options = done.read("constraints")["monitoring_config"]["distribution_constraints"]
    assert (options["comparison_threshold"], options["comparison_method"]) == (0.3, "Simple")


def test_several_files_are_one_dataset(analyze: Analyze, analysis: Analysis) -> None:
    lines = TEXT.splitlines(keepends=True)
    parts = {"x/a.csv": "".join(lines[:51]), "x/b.csv": lines[0] + "".join(lines[51:])}
    assert analyze(parts).read("statistics") == analysis.read("statistics")


def test_the_same_data_give_the_same_bytes(analyze: Analyze) -> None:
    text = "x,y\n" + "".join(f"{i * 7919 % 10007},{i % 7}k\n" for i in range(30_000))
    first, second = (analyze({"a.csv": text}).folder / "statistics.json" for _ in range(2))
    assert first.read_bytes() == second.read_bytes()


def test_columns_without_header_are_numbered(analyze: Analyze) -> None:
    done = analyze({"a.csv": "1,a\n2,b\n"}, header=False)
    assert [f["name"] for f in done.read("statistics")["features"]] == ["_c0", "_c1"]


def test_one_text_makes_a_column_of_numbers_text(analyze: Analyze) -> None:
    done = analyze({"a.csv": "x\n1\n2\noops\n"})
    assert done.feature("x")["inferred_type"] == "String"


def test_a_column_without_values_is_unknown(analyze: Analyze) -> None:
    done = analyze({"a.csv": "x,y\n,1\nnan,2\n"})
    assert done.feature("x")["inferred_type"] == "Unknown"
    assert done.feature("x", "constraints")["completeness"] == 0


def test_an_identifier_has_no_domain_and_about_the_right_number_of_values(analyze: Analyze) -> None:
    text = "id\n" + "".join(f"id-{i}\n" for i in range(40_000))
    done = analyze({"a.csv": text})
    strings = done.feature("id")["string_statistics"]
    assert strings["distinct_count"] == pytest.approx(40_000, rel=0.1)
    assert "distribution" not in strings
    assert done.feature("id", "constraints")["string_constraints"] == {"domains": []}


@pytest.mark.parametrize(
    ("files", "more", "complaint"),
    [
        ({"a.csv": ""}, {}, "no rows in"),
        ({"a.csv": "x,y\n1,2\n1\n"}, {}, "a.csv row 3 has 1 columns where 2 are expected"),
        ({"a.csv": "x\n1\n", "b.csv": "y\n1\n"}, {}, "b.csv has the columns y where x are"),
        ({"a.csv": "x,x\n1,2\n"}, {}, "a.csv has a column name twice: x, x"),
        ({"a.csv": 'x\n"1\n'}, {}, "a.csv, below row 1, is not valid CSV"),
        ({"a.csv": "x\n1\n"}, {"comparison_threshold": "much"}, "comparison_threshold is 'much'"),
        ({"a.csv": "x\n1\n"}, {"comparison_method": "Best"}, "expected Robust or Simple"),
        ({"a.csv": "x\n1\n"}, {"dataset_format": '{"json": {}}'}, "only csv is supported"),
        ({"a.csv": "x\n1\n"}, {"baseline_constraints": "/nowhere"}, "/nowhere is not there"),
        ({"a.csv": "x\n1\n"}, {"output_path": ""}, "variables are missing: output_path"),
    ],
)
def test_data_that_cannot_be_analyzed_is_reported_in_one_line(
    analyze: Analyze, files: dict[str, str], more: dict[str, str], complaint: str
) -> None:
    done = analyze(files, **more)
    assert done.code == 1
    assert complaint in done.message
    assert done.stderr.strip() == done.message
