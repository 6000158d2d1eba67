"""Nothing that is deployed, or deploys, names a partition: China and GovCloud are not `aws`."""

import re

from checks.expand import ROOT

PLACES = ["template.yaml", "statemachines", "functions", "layers/headrace/headrace"]
PLACES += ["pipeline_specs", "workbench", "data_quality"]
SUFFIXES = {".py", ".yaml", ".json"}
# AWS's documentation has this account in its examples, and so have ours.
EXAMPLE = "111122223333"


def lines() -> list[tuple[str, str]]:
    """(place, line) of every file."""
    found = []
    for place in map(ROOT.joinpath, PLACES):
        files = [place] if place.is_file() else sorted(place.rglob("*"))
        for path in files:
            if path.suffix in SUFFIXES and path.is_file():
                for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
                    found.append((f"{path.relative_to(ROOT)}:{number}", line))
    return found


def test_no_arn_has_a_partition_of_its_own() -> None:
    named = [
        place
        for place, line in lines()
        if re.search(r"\barn:aws(-[a-z-]+)?:", line) and EXAMPLE not in line
    ]

    assert named == []


def test_no_link_is_to_a_console_of_one_partition() -> None:
    """`notifications/format.py` has the three hosts; services' principals are the same in all."""
    consoles = "layers/headrace/headrace/notifications/format.py"
    named = [
        place for place, line in lines() if "console.a" in line and not place.startswith(consoles)
    ]

    assert named == []
