"""What a process and all that it started hold in memory."""

from __future__ import annotations

from pathlib import Path

PROC = Path("/proc")


def megabytes(pid: int) -> tuple[float, float]:
    """Return (resident, proportional) megabytes of a process tree.

    Pages that processes share count for each of them in the first and once in the second.
    """
    resident = proportional = 0
    for one in tree(pid):
        sizes = dict(_sizes(PROC / str(one) / "smaps_rollup"))
        resident += sizes.get("Rss", 0)
        proportional += sizes.get("Pss", 0)
    return resident / 1024, proportional / 1024


def tree(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    found = [pid]
    for task in (PROC / str(pid) / "task").iterdir():
        for child in (task / "children").read_text().split():
            found += tree(int(child))
    return found


def _sizes(path: Path) -> list[tuple[str, int]]:
    lines = [line.split() for line in path.read_text().splitlines()[1:]]
    return [(words[0].rstrip(":"), int(words[1])) for words in lines]
