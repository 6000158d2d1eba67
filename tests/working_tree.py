"""The working tree as a push of it would arrive."""

from pathlib import Path

from local_cloud.gitlab.repository import Repository

ROOT = Path(__file__).parents[1]


def pushed(folder: Path) -> Path:
    """Return a clone, below a folder, of what a push of the working tree leaves."""
    repository, clone = Repository(ROOT, folder / "repository.git"), folder / "project"
    repository.clone("main", repository.push(), clone, "http://127.0.0.1/headrace/headrace.git")
    return clone
