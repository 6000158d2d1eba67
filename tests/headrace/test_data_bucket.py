"""What a folder of the data bucket held at a time of the past."""

from datetime import UTC, datetime
from typing import Any

import pytest
from headrace.adapters.data_bucket import DataBucket

# As S3 answers: of a key the newest version first, delete markers apart, times in whole seconds.
PAGES: dict[str, dict[str, Any]] = {
    "": {
        "Versions": [("a.csv", "3", 30), ("a.csv", "2", 10), ("a.csv", "1", 10)],
        "DeleteMarkers": [],
        "IsTruncated": True,
        "NextKeyMarker": "t/a.csv",
        "NextVersionIdMarker": "1",
    },
    "t/a.csv": {
        "Versions": [("b.csv", "1", 10), ("c.csv", "2", 40), ("c.csv", "1", 10)],
        "DeleteMarkers": [("b.csv", "gone", 20)],
        "IsTruncated": False,
    },
}


class Client:
    def list_object_versions(self, Prefix: str, KeyMarker: str = "", **_: Any) -> dict[str, Any]:
        assert Prefix == "t/"
        page = PAGES[KeyMarker]
        listed = {kind: self._items(page[kind]) for kind in ("Versions", "DeleteMarkers")}
        return page | listed

    def _items(self, rows: list[tuple[str, str, int]]) -> list[dict[str, Any]]:
        return [
            {
                "Key": f"t/{name}",
                "VersionId": version,
                "LastModified": datetime.fromtimestamp(second, UTC),
                "IsLatest": (name, version) in {("a.csv", "3"), ("b.csv", "gone"), ("c.csv", "2")},
            }
            for name, version, second in rows
        ]


@pytest.mark.parametrize(
    ("time", "there"),
    [
        (9.9, {}),
        (15.0, {"a.csv": "2", "b.csv": "1", "c.csv": "1"}),
        (25.0, {"a.csv": "2", "c.csv": "1"}),
        (35.0, {"a.csv": "3", "c.csv": "1"}),
        (40.0, {"a.csv": "3", "c.csv": "2"}),
    ],
)
def test_a_folder_is_shown_as_it_was_at_a_time(time: float, there: dict[str, str]) -> None:
    found = DataBucket(Client(), "bucket").newest_at("t/", time)
    assert found == [(f"t/{name}", version) for name, version in there.items()]


def test_all_versions_are_listed_and_all_delete_markers() -> None:
    found = list(DataBucket(Client(), "bucket").versions("t/"))
    assert [one.key for one in found] == [f"t/{n}.csv" for n in "aaabccb"]
    assert [one.is_delete_marker for one in found] == [False] * 6 + [True]
