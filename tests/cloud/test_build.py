"""Artefacts are what `sam build` would make, the same for the same sources."""

import io
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from local_cloud.deploy.build import Builder, BuildError, Toolchain

ROOT = Path(__file__).parents[2]
TOOLCHAIN = Toolchain.of(Path(sys.prefix).parent)


@pytest.fixture(scope="module")
def layer() -> tuple[str, bytes]:
    return Builder(ROOT / ".headrace" / "build", TOOLCHAIN).layer(
        "HeadraceLayer", ROOT / "layers" / "headrace"
    )


def names(data: bytes) -> set[str]:
    return set(zipfile.ZipFile(io.BytesIO(data)).namelist())


def test_the_layer_holds_the_package_and_pure_libraries_only(layer: tuple[str, bytes]) -> None:
    held = names(layer[1])

    assert "python/headrace/rules/decide.py" in held
    assert "python/aws_lambda_powertools/__init__.py" in held
    assert not [name for name in held if name.endswith((".so", ".pyd"))]
    assert not [name for name in held if "/bin/" in name or "/tests/" in name]


def test_the_layer_describes_the_services_in_use_and_no_others(layer: tuple[str, bytes]) -> None:
    services = {
        name.split("/")[3] for name in names(layer[1]) if name.startswith("python/botocore/data/")
    }

    assert {"sagemaker", "dynamodb", "sqs", "endpoints.json", "partitions.json"} <= services
    assert "ec2" not in services
    assert sum(len(name) > 0 for name in services) < 30


def test_the_functions_python_uses_the_compiled_files(
    layer: tuple[str, bytes], tmp_path: Path
) -> None:
    zipfile.ZipFile(io.BytesIO(layer[1])).extractall(tmp_path)
    done = subprocess.run(
        [TOOLCHAIN.compiler, "-v", "-c", "import headrace.domain.errors, botocore.session"],
        env={"PYTHONPATH": str(tmp_path / "python")},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "code object from " not in "".join(
        line for line in done.stderr.splitlines() if str(tmp_path) in line and ".py'" in line
    )


def test_an_unchanged_layer_is_there_at_once(layer: tuple[str, bytes]) -> None:
    started = time.perf_counter()
    again = Builder(ROOT / ".headrace" / "build", TOOLCHAIN).layer(
        "HeadraceLayer", ROOT / "layers" / "headrace"
    )

    assert again == layer
    assert time.perf_counter() - started < 0.5


def sources(folder: Path) -> Path:
    shutil.copytree(Path(__file__).parent / "sample" / "layer", folder)
    return folder


def test_the_same_sources_give_the_same_bytes_and_others_do_not(tmp_path: Path) -> None:
    first, second = sources(tmp_path / "first"), sources(tmp_path / "second")
    built = [
        Builder(tmp_path / f"cache-{folder.name}", TOOLCHAIN).layer("Layer", folder)
        for folder in (first, second)
    ]
    assert built[0] == built[1]

    (second / "shared.py").write_text("ANSWER = 43\n")
    changed = Builder(tmp_path / "cache-second", TOOLCHAIN).layer("Layer", second)
    assert changed[0] != built[1][0]


def test_a_build_that_fails_says_what_make_said(tmp_path: Path) -> None:
    folder = sources(tmp_path / "layer")
    (folder / "Makefile").write_text("build-Layer:\n\t@echo no space left; false\n")

    with pytest.raises(BuildError, match="build-Layer` failed:\nno space left"):
        Builder(tmp_path / "cache", TOOLCHAIN).layer("Layer", folder)


def test_a_functions_zip_is_its_folder_without_caches(tmp_path: Path) -> None:
    folder = tmp_path / "decide"
    (folder / "__pycache__").mkdir(parents=True)
    (folder / "__pycache__" / "app.pyc").write_bytes(b"")
    (folder / "app.py").write_text("")

    name, data = Builder(tmp_path / "cache", TOOLCHAIN).function(folder)
    assert name.startswith("decide-")
    assert names(data) == {"app.py"}
