"""Links and paths in the documents lead somewhere."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from headrace.domain.message import KINDS

ROOT = Path(__file__).parent.parent
LAYER = ROOT / "layers/headrace/headrace"
# Folders that hold nothing of ours; some hold pages of installed packages.
_NOT_OURS = {".venv", ".git", ".headrace", ".aws-sam", "node_modules"}
_FOLDERS = [path for path in ROOT.iterdir() if path.is_dir() and path.name not in _NOT_OURS]
PAGES = sorted([*ROOT.glob("*.md"), *(page for one in _FOLDERS for page in one.rglob("*.md"))])
# Documents that name the files a reader is to open or change.
MAPS = [ROOT / "CONTRIBUTING.md", ROOT / "docs/architecture.md"]
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_PLACEHOLDER = re.compile(r"[{<$*]|\b[A-Z]{2,}/|/X/")


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return _FENCED.sub("", page.read_text("utf-8"))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitLab and GitHub make them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    words = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in words}


def paths(page: Path) -> Iterator[str]:
    """What stands in backticks and looks like a path of the project."""
    for text in re.findall(r"`([^`\n]+)`", prose(page)):
        is_path = "/" in text or re.search(r"\.(py|md|ya?ml|json|toml|txt|in)$", text)
        if is_path and " " not in text and "://" not in text and not _PLACEHOLDER.search(text):
            yield text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_resolve(page: Path) -> None:
    for link in _LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        found = page.parent / target if target else page
        assert found.exists(), f"{page.name}: {link}"
        if anchor:
            assert anchor in anchors(found), f"{page.name}: {link}"


@pytest.mark.parametrize("page", MAPS, ids=lambda page: page.name)
def test_paths_in_backticks_exist(page: Path) -> None:
    named = list(paths(page))
    assert len(named) > 30
    # Their folder is named before.
    beside_each_other = {"run_messages.py", "version_messages.py", "live_messages.py"}
    for name in named:
        if name == "project.yaml":
            continue  # each project's
        folder = LAYER / "notifications" if name in beside_each_other else LAYER
        assert (ROOT / name).exists() or (folder / name).exists(), f"{page.name}: {name}"


def test_a_chat_channel_filters_by_kinds_that_there_are() -> None:
    known = {kind for kinds in KINDS.values() for kind in kinds}
    page = (ROOT / "docs/chat.md").read_text("utf-8")
    named = re.findall(r"^ +kind: \[(.+)\]$", page, re.MULTILINE)
    named += re.findall(r'\\"kind\\": \[(.+?)\]', page)
    assert len(named) == 2
    assert set(re.findall(r"[\w-]+", " ".join(named))) <= known


def test_every_decision_is_dated_and_names_what_lost() -> None:
    for page in sorted((ROOT / "docs/adr").glob("*.md")):
        text = page.read_text("utf-8")
        assert re.match(rf"# {int(page.name[:4])}\. .+\n\n- Date: \d{{4}}-\d\d-\d\d\n", text), page
        assert "\n- Status: Accepted\n" in text, page
        for part in ("Context", "Decision", "Alternatives", "Consequences"):
            assert f"\n**{part}.** " in text, f"{page.name}: {part}"
