"""docs/parameters.md has the parameters of the template, and how long a stack's name may be."""

import re
import tomllib
from typing import Any

from checks.expand import ROOT, expanded
from tests.template.rules_of_access import LONGEST_STACK_NAME

PAGE = (ROOT / "docs/parameters.md").read_text("utf-8")


def row(name: str, parameter: dict[str, Any]) -> str:
    default = parameter.get("Default")
    shown = "required" if default is None else f"`{default}`" if default != "" else "empty"
    return f"| `{name}` | {shown} | {parameter['Description']} |"


def test_the_table_of_parameters_is_the_templates() -> None:
    [table] = re.findall(r"^\| parameter \|.*\n\|[-|]+\n((?:\| .*\n)+)", PAGE, re.MULTILINE)

    wanted = [row(name, one) for name, one in expanded()["Parameters"].items()]
    assert table.splitlines() == wanted, "\n".join(wanted)


def test_the_longest_name_of_a_stack_is_documented_and_kept() -> None:
    assert f"at most {LONGEST_STACK_NAME} characters" in " ".join(PAGE.split())
    tables = tomllib.loads((ROOT / "samconfig.toml").read_text("utf-8"))
    names = [
        table["global"]["parameters"]["stack_name"]
        for table in tables.values()
        if isinstance(table, dict)
    ]
    assert names
    assert [name for name in names if len(name) > LONGEST_STACK_NAME] == []
