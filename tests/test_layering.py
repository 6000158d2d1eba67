"""Arrows point inward: functions -> adapters -> decisions -> events. Asserted on the imports."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYER = ROOT / "layers/headrace/headrace"
# The pure core, innermost first; each may import only what stands before it.
PURE = [
    "errors",
    "events",
    "four_eyes",
    "facts",
    "project",
    "lanes",
    "parsing",
    "message",
    "messages",
    "model_messages",
    "actions",
    "driving",
    "uploads",
    "governance",
    "decisions",
]
STANDARD_OF_THE_CORE = {
    "collections",
    "dataclasses",
    "datetime",
    "hashlib",
    "json",
    "typing",
}


def imports(path: Path) -> set[str]:
    """Return the modules that a file imports, `headrace.x` for `from headrace import x`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "headrace":
                found |= {f"headrace.{alias.name}" for alias in node.names}
            else:
                found.add(node.module)
    return found


def tree(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


@pytest.mark.parametrize("module", PURE)
def test_the_core_knows_only_the_core(module: str) -> None:
    inner = {f"headrace.{name}" for name in PURE[: PURE.index(module)]}
    for name in imports(LAYER / f"{module}.py"):
        assert name in inner or name.split(".")[0] in STANDARD_OF_THE_CORE, name


def test_the_core_reads_neither_clock_nor_environment() -> None:
    for module in PURE:
        for node in ast.walk(ast.parse((LAYER / f"{module}.py").read_text())):
            if isinstance(node, ast.Attribute):
                assert node.attr not in {"now", "utcnow", "environ", "getenv"} or (
                    isinstance(node.value, ast.Name) and node.value.id == "self"
                ), f"{module}: {ast.unparse(node)}"


def test_nothing_deployed_imports_what_stays_at_home() -> None:
    home = {"local_cloud", "pipeline_specs", "demo", "benchmarks", "workbench", "sagemaker"}
    deployed = [*LAYER.glob("*.py"), *tree("functions")]
    assert len(deployed) > 20
    for path in deployed:
        for name in imports(path):
            assert name.split(".")[0] not in home, f"{path}: {name}"


def test_handlers_are_short_and_build_no_clients() -> None:
    handlers = tree("functions")
    assert len(handlers) == 5
    for path in handlers:
        assert len(path.read_text().splitlines()) <= 40, path
        assert not {"boto3", "botocore"} & {name.split(".")[0] for name in imports(path)}, path


def test_the_laptop_cloud_knows_no_rules() -> None:
    files = tree("local_cloud")
    assert files
    for path in files:
        for name in imports(path):
            assert name.split(".")[0] not in {"headrace", "pipeline_specs", "demo"}, (
                f"{path}: {name}"
            )


def test_only_builders_import_the_sagemaker_sdk() -> None:
    for folder in ("functions", "layers", "local_cloud", "demo", "data_quality"):
        for path in tree(folder):
            for name in imports(path):
                assert name.split(".")[0] != "sagemaker", f"{path}: {name}"


def test_step_scripts_stand_alone() -> None:
    project = {"headrace", "pipeline_specs", "local_cloud", "data_quality", "demo", "boto3"}
    for path in [*tree("pipeline_specs/steps"), *tree("data_quality")]:
        for name in imports(path):
            assert name.split(".")[0] not in project, f"{path}: {name}"
