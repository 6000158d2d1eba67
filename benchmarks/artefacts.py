"""The artefacts as they are deployed, unpacked as Lambda unpacks them, and those of the peers."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import botocore

from local_cloud.deploy.build import Builder, Toolchain

ROOT = Path(__file__).parents[1]
VENV = Path(sys.prefix).parent
HEADRACE = str(Path(sys.prefix) / "bin" / "headrace")
FUNCTIONS = ("advance_run", "decide", "notify", "reconcile", "refresh_inference")
# What a function with a plain boto3 has on its path.
PLAIN = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
SITE = Path(sys.prefix) / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"


@dataclass(frozen=True, slots=True)
class Artefacts:
    """Where they lie: `layer` is /opt, each function's folder has its name."""

    python: Path  # of the functions
    folder: Path

    @property
    def layer(self) -> Path:
        return self.folder / "layer"

    def path_of(self, function: str) -> list[str]:
        """What Lambda puts first on a function's sys.path."""
        return [str(self.folder / function), str(self.layer / "python")]

    def megabytes(self, function: str) -> float:
        """A function with its layer, unzipped."""
        return megabytes(self.folder / function) + megabytes(self.layer)


def build(folder: Path) -> Artefacts:
    """Build layer and functions as `sam build` does, and unpack them into a folder."""
    toolchain = Toolchain.of(VENV)
    builder = Builder(ROOT / ".headrace" / "build", toolchain)
    _, layer = builder.layer("HeadraceLayer", ROOT / "layers" / "headrace")
    _unpack(layer, folder / "layer")
    for name in FUNCTIONS:
        _unpack(builder.function(ROOT / "functions" / name)[1], folder / name)
    return Artefacts(Path(toolchain.compiler), folder)


def plain_boto3(cache: Path) -> Path:
    """boto3 and what it needs, untrimmed and compiled: what a plain function finds on its path."""
    folder = cache / f"plain-{botocore.__version__}-{sys.implementation.cache_tag}"
    if not folder.exists():
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        ignored = shutil.ignore_patterns("__pycache__")
        for name in PLAIN:
            source = SITE / name
            if source.is_dir():
                shutil.copytree(source, partial / name, ignore=ignored)
            else:
                shutil.copy(SITE / f"{name}.py", partial)
        compiler = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode"]
        subprocess.run([*compiler, "unchecked-hash", str(partial)], check=True)
        partial.rename(folder)
    return folder


def trusting(folder: Path, authority: Path) -> Path:
    """Add an authority to the certificates that the libraries in a folder bring; the largest file.

    So a client reads what it reads on Lambda, some 140 authorities, and trusts the stub as well.
    """
    bundles = sorted(folder.rglob("cacert.pem"), key=lambda path: path.stat().st_size)
    for path in bundles:
        path.write_bytes(path.read_bytes() + authority.read_bytes())
    return bundles[-1]


def preloaded(python: Path) -> list[str]:
    """The modules of the standard library that Lambda's runtime client has imported."""
    script = (
        "import json, sys, awslambdaric.bootstrap\n"
        "names = [n for n in sys.modules if n.split('.')[0] in sys.stdlib_module_names]\n"
        # In order of import; `os` completes what begins before it.
        "print(json.dumps(['os', *(n for n in names if n != '__main__')]))"
    )
    done = subprocess.run([str(python), "-c", script], capture_output=True, text=True, check=True)
    names: list[str] = json.loads(done.stdout)
    return names


def megabytes(path: Path) -> float:
    """The bytes of all files under a path, in units of 1,000,000."""
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


def _unpack(data: bytes, to: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(to)
