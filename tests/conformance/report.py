"""`docs/verified.md`: each fact with its source, what is expected, and where it was seen.

What was seen in accounts is in `seen.json`: the region and the day, never an account's number.
`python -m tests.conformance.report` writes the page.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.conformance.fact import Fact

ROOT = Path(__file__).parents[2]
SEEN = Path(__file__).with_name("seen.json")
PAGE = ROOT / "docs" / "verified.md"
HEAD = """# What AWS and GitLab answer

Headrace relies on the facts below. Each is one small test in `tests/conformance/facts`, which asks
the laptop cloud in `make test`, and a real account in `make conformance PROFILE=…`: that command
says what it will create, what it costs and how long it takes, asks before it begins, cleans up
after itself, and writes this page. With `GITLAB=https://…` it asks a GitLab as well; the
environment names a scratch project there: `GITLAB_PROJECT=group/project`, `GITLAB_TOKEN` (scope
`api`, of a maintainer) and `GITLAB_TRIGGER_TOKEN`. Its `.gitlab-ci.yml` is
[scratch.gitlab-ci.yml](../tests/conformance/scratch.gitlab-ci.yml).

A fact with several expected answers is open: nobody who is cited knows which one AWS gives.
Headrace holds under each of them. The laptop cloud gives the first one, unless the setting named
beside it (in `SAGEMAKER_OPEN_FACTS`) says otherwise.
"""


class Seen(NamedTuple):
    """An answer that an account gave, in a region, on a day (ISO date)."""

    answer: str
    region: str
    day: str


def load(path: Path = SEEN) -> dict[str, Seen]:
    """Return what was seen last, by the fact's name."""
    if not path.exists():
        return {}
    return {name: Seen(**seen) for name, seen in json.loads(path.read_text("utf-8")).items()}


def save(seen: Mapping[str, Seen], path: Path = SEEN) -> None:
    """Write what was seen."""
    texts = {name: seen[name]._asdict() for name in sorted(seen)}
    path.write_text(json.dumps(texts, indent=2, ensure_ascii=False) + "\n", "utf-8")


def page(facts: Iterable[Fact], seen: Mapping[str, Seen]) -> str:
    """Return the text of `docs/verified.md`."""
    lines = [HEAD]
    topic = ""
    for fact in sorted(facts, key=lambda fact: fact.ask.__module__):
        module = fact.ask.__module__.rpartition(".")[2]
        if module != topic:
            topic = module
            title = topic.replace("_", " ").capitalize()
            lines += [f"\n## {title}\n", "| Fact | Source | Expected | Seen in an account |",
                      "|---|---|---|---|"]  # fmt: skip
        found = seen.get(fact.name)
        where = f"{_code(found.answer)}, {found.region}, {found.day}" if found else "not yet"
        expected = " or ".join(_code(answer) for answer in fact.expected)
        if fact.switch:
            expected += f" (`{fact.switch}`)"
        sources = fact.source.replace("|", "\\|")
        lines.append(f"| {fact.statement} (`{fact.name}`) | {sources} | {expected} | {where} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the page of the facts as they are now."""
    from tests.conformance.facts.all import ALL  # facts know nothing of their page

    PAGE.write_text(page(ALL, load()), "utf-8")


def _code(text: str) -> str:
    return "`" + text.replace("|", "\\|") + "`"


if __name__ == "__main__":
    main()
