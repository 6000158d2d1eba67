"""Records of a batch transform: filters, joins and batches."""

from __future__ import annotations

from typing import Any

import pytest

from local_cloud.sagemaker.engine.errors import StepFailed
from local_cloud.sagemaker.engine.records import DataProcessing, Filter, batches, split


@pytest.mark.parametrize(
    ("path", "value", "selected"),
    [
        ("$", ["a", "b"], ["a", "b"]),
        ("$[1:]", ["a", "b", "c"], ["b", "c"]),
        ("$[0,-1]", ["a", "b", "c"], ["a", "c"]),
        ("$[-1]", ["a", "b"], "b"),
        ("$.a.b", {"a": {"b": 1}}, 1),
        ("$['a','c']", {"a": 1, "b": 2, "c": 3}, {"a": 1, "c": 3}),
    ],
)
def test_a_filter_selects_as_its_jsonpath_says(path: str, value: Any, selected: Any) -> None:
    assert Filter(path).of(value) == selected


@pytest.mark.parametrize("path", ["a", "$..a", "$[9]", "$.a"])
def test_a_filter_that_does_not_fit_is_named(path: str) -> None:
    with pytest.raises(StepFailed, match="The filter"):
        Filter(path).of(["a", "b"])


def test_csv_is_joined_column_by_column_and_json_under_a_key_of_its_own() -> None:
    csv = DataProcessing(output_filter=Filter("$[0,-1]"), join=True)
    assert csv.output_of(b'"a,b",2', b"4.5") == b'"a,b",4.5'
    untouched = DataProcessing(join=True)
    assert untouched.output_of(b' "a" ,2', b"4.5") == b' "a" ,2,4.5'
    jsonl = DataProcessing(join=True, content_type="application/json")
    assert jsonl.output_of(b'{"a": 1}', b"[2]") == b'{"a": 1, "SageMakerOutput": [2]}'


def test_records_travel_together_up_to_the_payload_and_alone_when_asked() -> None:
    rows = split(b"aa\r\nbb\n\ncc", by_line=True)
    assert rows == [b"aa", b"bb", b"cc"]
    assert list(batches(rows, limit=6, single=False)) == [(0, [b"aa", b"bb"]), (2, [b"cc"])]
    assert [begin for begin, _ in batches(rows, limit=6, single=True)] == [0, 1, 2]
    assert list(batches(rows, limit=0, single=False)) == [(0, rows)]
    with pytest.raises(StepFailed, match="Record 2 has 9 bytes"):
        list(batches([b"a", b"b" * 9], limit=8, single=False))
