"""A container is given a script and the modules beside it, and holds few libraries."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = [
    *sorted((ROOT / "pipeline_specs/steps").glob("*.py")),
    *sorted((ROOT / "data_quality").glob("*.py")),
]
ALLOWED = {"numpy", "xgboost"}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_imports_nothing_that_its_image_lacks(script: Path) -> None:
    modules: set[str] = set()
    for node in ast.walk(ast.parse(script.read_text())):
        if isinstance(node, ast.Import):
            modules.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            modules.add(node.module or ".")
    roots = {module.partition(".")[0] for module in modules}
    beside = {path.stem for path in script.parent.glob("*.py")}
    assert not beside & sys.stdlib_module_names
    assert roots - sys.stdlib_module_names - beside <= ALLOWED


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_is_python_3_10(script: Path) -> None:
    ast.parse(script.read_text(), feature_version=(3, 10))


def test_the_other_tests_here_run_the_scripts_under_python_3_10(jobs_python: Path) -> None:
    if "jobs310" not in jobs_python.parts:
        pytest.skip(
            "no python3.10 on this machine: scripts ran under a newer one, with new libraries"
        )
    said = subprocess.run(
        [
            str(jobs_python),
            "-c",
            "import sys, numpy; print(*sys.version_info[:2], numpy.__version__)",
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    assert said.stdout == "3 10 1.24.4\n"
