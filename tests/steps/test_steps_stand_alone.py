"""A container is given one script: what several of them need is in each, and is the same."""

import ast
import sys
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = [*sorted((ROOT / "pipeline_specs/steps").glob("*.py")), ROOT / "data_quality/analyzer.py"]
ALLOWED = {"numpy", "xgboost"}


def test_what_has_the_same_name_in_two_scripts_is_the_same():
    copies = defaultdict(set)
    for script in SCRIPTS:
        for node in ast.parse(script.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name != "main":
                copies[node.name].add(ast.unparse(node))
    assert {"read_rows", "run", "evaluation"} <= set(copies)
    assert [name for name, bodies in copies.items() if len(bodies) > 1] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_imports_nothing_that_its_image_lacks(script):
    modules = set()
    for node in ast.walk(ast.parse(script.read_text())):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            modules.add(node.module)
    roots = {module.partition(".")[0] for module in modules}
    assert roots - sys.stdlib_module_names <= ALLOWED


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_is_python_3_10(script):
    ast.parse(script.read_text(), feature_version=(3, 10))
