"""Each folder is a room with one rule: what its modules may import. Asserted on the imports.

Modules are found, not listed: a new one is guarded by the folder it is put into.
"""

import ast
import shutil
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
OURS = (
    *("headrace", "pipeline_specs", "data_quality", "local_cloud", "demo", "benchmarks"),
    *("workbench", "checks", "functions", "tests"),
)
# What a module of the core may use of Python: nothing that reaches outside the process.
PURE = frozenset(
    {
        *("collections", "dataclasses", "datetime", "decimal", "enum", "functools", "hashlib"),
        *("itertools", "json", "math", "re", "typing"),
    }
)


class Room(NamedTuple):
    """What the modules of a folder may import: of ours by package, of others by library.

    `others` is None where any library may be used.
    """

    ours: tuple[str, ...]
    others: frozenset[str] | None = None


_CONTROL_PLANE = "layers/headrace/headrace"
_SAGEMAKER = "local_cloud.sagemaker"
ROOMS: dict[str, Room] = {
    # The control plane: arrows point inward.
    f"{_CONTROL_PLANE}/domain": Room(("headrace.domain",), PURE),
    f"{_CONTROL_PLANE}/notifications": Room(("headrace.domain", "headrace.notifications"), PURE),
    f"{_CONTROL_PLANE}/rules": Room(
        ("headrace.domain", "headrace.notifications", "headrace.rules"), PURE
    ),
    f"{_CONTROL_PLANE}/adapters": Room(
        ("headrace.domain", "headrace.adapters"),
        PURE | {"botocore", "gitlab", "requests", "urllib", "__future__"},
    ),
    f"{_CONTROL_PLANE}/use_cases": Room(
        (
            *("headrace.domain", "headrace.notifications", "headrace.rules"),
            *("headrace.adapters", "headrace.use_cases"),
        ),
        PURE | {"contextlib", "__future__"},
    ),
    _CONTROL_PLANE: Room(("headrace",), PURE | {"gc", "os", "time", "__future__"}),
    "functions": Room(("headrace",), frozenset({"aws_lambda_powertools", "typing"})),
    # What builds pipelines, and what puts them into an account.
    "pipeline_specs/config": Room(
        ("pipeline_specs", "pipeline_specs.config", "headrace.domain"),
        frozenset(
            {
                *PURE,
                "yaml",
                "pathlib",
                "contextlib",
                "csv",
                "difflib",
                "pydantic",
                "annotated_types",
                "metrics",  # what mypy calls the table of metrics, see config/metrics.py
            }
        ),
    ),
    "pipeline_specs/algorithms": Room(("pipeline_specs.config", "pipeline_specs.algorithms"), PURE),
    "pipeline_specs/pipelines": Room(
        (
            *("pipeline_specs", "pipeline_specs.config", "pipeline_specs.algorithms"),
            *("pipeline_specs.pipelines", "headrace.domain", "headrace.adapters"),
        )
    ),
    "pipeline_specs/deploy": Room(("pipeline_specs", "headrace")),
    "pipeline_specs": Room(("pipeline_specs", "headrace")),
    "pipeline_specs/steps": Room(()),
    "data_quality": Room(()),
    # AWS and GitLab on a laptop; its SageMaker knows nothing of Headrace.
    "local_cloud/sagemaker/core": Room(
        (f"{_SAGEMAKER}.core", f"{_SAGEMAKER}.host", "local_cloud.ministack")
    ),
    "local_cloud/sagemaker/definition": Room((f"{_SAGEMAKER}.definition",)),
    "local_cloud/sagemaker/engine": Room(
        (
            *(f"{_SAGEMAKER}.engine", f"{_SAGEMAKER}.definition", f"{_SAGEMAKER}.host"),
            *(f"{_SAGEMAKER}.core.{name}" for name in ("validation", "errors", "open_facts")),
        )
    ),
    "local_cloud/sagemaker/images": Room(()),
    "local_cloud/sagemaker/resources": Room(
        (
            *(f"{_SAGEMAKER}.resources", f"{_SAGEMAKER}.definition"),
            *(f"{_SAGEMAKER}.core", f"{_SAGEMAKER}.host"),
        )
    ),
    "local_cloud/sagemaker": Room((_SAGEMAKER, "local_cloud.ministack")),
    "local_cloud/ministack": Room(("local_cloud.ministack",)),
    "local_cloud/gitlab": Room(("local_cloud.gitlab",)),
    "local_cloud/mail": Room(("local_cloud.mail",)),
    "local_cloud/chaos": Room(
        ("local_cloud.chaos", "local_cloud.ministack", _SAGEMAKER, "local_cloud.gitlab")
    ),
    "local_cloud/deploy": Room(("local_cloud.deploy", "local_cloud.ministack")),
    "local_cloud": Room(("local_cloud",)),
    # What people run.
    "workbench/doctor": Room(
        (
            *("workbench.doctor", "workbench.redrive", "headrace.adapters", "headrace.domain"),
            *("pipeline_specs.ROOT", "pipeline_specs.config", "pipeline_specs.deploy"),
            *("pipeline_specs.pipelines.built", "pipeline_specs.algorithms"),
        )
    ),
    "workbench": Room(("workbench", "pipeline_specs", "headrace", "local_cloud", "demo")),
    "demo": Room(("demo", "local_cloud", "pipeline_specs.config", "headrace")),
    "benchmarks": Room(
        ("benchmarks", "local_cloud", "pipeline_specs", "headrace", "demo", "tests")
    ),
    "checks": Room(("checks", "local_cloud")),
}
# Only builders import the SageMaker SDK, which takes seconds.
BUILDERS = ("pipeline_specs/pipelines", "benchmarks")


def modules(root: Path) -> Iterator[Path]:
    """Yield every module of the project that is not a test, relative to the root."""
    folders = ("layers", "functions", "pipeline_specs", "data_quality", "local_cloud")
    for folder in (*folders, "workbench", "demo", "benchmarks", "checks"):
        for path in sorted((root / folder).rglob("*.py")):
            yield path.relative_to(root)


def imports(path: Path) -> set[str]:
    """Return what a file imports, each name whole: `a.b.c` for `from a.b import c`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room_of(path: Path) -> str | None:
    """Return the folder whose rule a module obeys: the innermost that has one."""
    for folder in path.parents:
        if str(folder) in ROOMS:
            return str(folder)
    return None


def complaints(root: Path) -> list[str]:
    """Return what breaks the rules in a checkout."""
    found = []
    for path in modules(root):
        if path.is_relative_to("benchmarks/peers") or path.parent == Path("layers/headrace"):
            continue  # others' ways of doing it; what builds the layer
        folder = room_of(path)
        if folder is None:
            found.append(f"{path}: its folder has no rule")
            continue
        room = ROOMS[folder]
        for name in sorted(imports(root / path)):
            top = name.split(".")[0]
            if top in OURS:
                allowed = any(name == own or name.startswith(f"{own}.") for own in room.ours)
                if "pipeline_specs" in room.ours and folder == "pipeline_specs/config":
                    allowed = name == "pipeline_specs.ROOT" or (allowed and _is_inner(name))
            else:
                allowed = room.others is None or top in room.others
                if top == "sagemaker":
                    allowed = folder in BUILDERS
            if not allowed:
                found.append(f"{path}: imports {name}")
    return found


def _is_inner(name: str) -> bool:
    # The builders and the step scripts share one table of metrics, which lies beside the scripts
    # since a container gets only what is there.
    return not name.startswith("pipeline_specs.") or name.startswith(
        ("pipeline_specs.config", "pipeline_specs.steps.metrics")
    )


def test_each_module_keeps_the_rule_of_its_folder() -> None:
    assert len(list(modules(ROOT))) > 200
    assert complaints(ROOT) == []


@pytest.mark.parametrize(
    ("module", "elsewhere", "said"),
    [
        ("adapters/ledger.py", "domain", "imports headrace.adapters.dynamodb.Table"),
        ("use_cases/decide.py", "rules", "imports headrace.use_cases.look_up.LookUp"),
        ("rules/uploads.py", "notifications", "imports headrace.rules.scheduling.dispatch_waiting"),
        ("adapters/client.py", "use_cases", "imports botocore.session"),
    ],
)
def test_a_module_in_the_wrong_room_is_found(
    tmp_path: Path, module: str, elsewhere: str, said: str
) -> None:
    layer = tmp_path / _CONTROL_PLANE
    shutil.copytree(ROOT / _CONTROL_PLANE, layer)
    assert complaints(tmp_path) == []
    (layer / module).rename(layer / elsewhere / "moved.py")
    assert f"{_CONTROL_PLANE}/{elsewhere}/moved.py: {said}" in complaints(tmp_path)


def test_an_algorithm_knows_neither_builders_nor_the_sdk(tmp_path: Path) -> None:
    rooms = ("pipeline_specs/pipelines/tuning.py", "pipeline_specs/deploy/teardown.py")
    (tmp_path / "pipeline_specs/algorithms").mkdir(parents=True)
    for room in rooms:
        shutil.copy(ROOT / room, tmp_path / "pipeline_specs/algorithms")
    said = complaints(tmp_path)
    for name in ("pipeline_specs.pipelines.builder.Builder", "sagemaker.train.ModelTrainer"):
        assert f"pipeline_specs/algorithms/tuning.py: imports {name}" in said
    assert any("teardown.py: imports pipeline_specs.deploy" in one for one in said)


def test_a_module_outside_all_rooms_is_found(tmp_path: Path) -> None:
    (tmp_path / "layers/elsewhere").mkdir(parents=True)
    (tmp_path / "layers/elsewhere/new.py").write_text("import os\n")
    assert complaints(tmp_path) == ["layers/elsewhere/new.py: its folder has no rule"]


def test_no_modules_import_each_other_in_a_circle() -> None:
    paths = {_name(path): path for path in modules(ROOT)}
    graph: dict[str, set[str]] = {}
    for name, path in paths.items():
        taken = (one if one in paths else one.rpartition(".")[0] for one in imports(ROOT / path))
        graph[name] = {other for other in taken if other in paths and other != name}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def _name(path: Path) -> str:
    parts = path.with_suffix("").parts
    if parts[:2] == ("layers", "headrace"):
        parts = parts[2:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_the_core_reads_neither_clock_nor_environment() -> None:
    inner = [f"{_CONTROL_PLANE}/{room}" for room in ("domain", "rules", "notifications")]
    for folder in inner:
        for path in (ROOT / folder).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Attribute):
                    assert node.attr not in {"now", "utcnow", "today", "environ", "getenv"} or (
                        isinstance(node.value, ast.Name) and node.value.id == "self"
                    ), f"{path}: {ast.unparse(node)}"


def test_handlers_are_short() -> None:
    handlers = sorted((ROOT / "functions").glob("*/app.py"))
    assert len(handlers) == 5
    for path in handlers:
        assert len(path.read_text().splitlines()) <= 40, path
