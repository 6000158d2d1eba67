"""Runs the step scripts as a container does: a process of its own, other libraries."""

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.steps.step_process import Finished, RunStep

ROOT = Path(__file__).parents[2]
VENV = ROOT / os.environ.get("VENV", ".venv")
# The containers' oldest Python with libraries as old as theirs, where `make test` found it.
OLD = VENV / "jobs310/bin/python"
JOBS_PYTHON = OLD if OLD.exists() else VENV / "jobs/bin/python"


@pytest.fixture
def jobs_python() -> Path:
    """The interpreter that the scripts run under."""
    return JOBS_PYTHON


@pytest.fixture
def run_step(tmp_path: Path) -> RunStep:
    """`run_step("preprocess.py", "fit", ...)`, with its folder copied to one of its own."""

    def run(script: str, *arguments: object, **environment: str) -> Finished:
        source = ROOT / ("data_quality" if script == "analyzer.py" else "pipeline_specs/steps")
        code = tmp_path / "code" / script
        shutil.copytree(source, code.parent, dirs_exist_ok=True)
        message = tmp_path / "message"
        message.unlink(missing_ok=True)
        process = subprocess.run(
            [str(JOBS_PYTHON), str(code), *map(str, arguments)],
            env={
                **{name: os.environ[name] for name in ("PATH", "OMP_WAIT_POLICY")},
                "MESSAGE_FILE": str(message),
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        return Finished(
            process.returncode,
            process.stdout,
            process.stderr,
            message.read_text(encoding="utf-8") if message.exists() else "",
        )

    return run


@pytest.fixture
def columns() -> str:
    """The --columns argument of a small project: colour, size and the label weight."""
    return json.dumps(
        [
            {"name": "colour", "type": "categorical"},
            {"name": "size", "type": "numeric"},
            {"name": "weight", "type": "numeric"},
        ]
    )


# A process for all tests: xgboost takes two seconds to import.
SERVE = """
import json, sys
for line in sys.stdin:
    program, *sys.argv[1:] = json.loads(line)
    exec(program, {})
    print("done", flush=True)
"""
TRAIN = """
import json, sys
import numpy, xgboost
rows = numpy.loadtxt(sys.argv[1], delimiter=",")
parameters = json.loads(sys.argv[3])
rounds = parameters.pop("num_round")
xgboost.train(parameters, xgboost.DMatrix(rows[:, 1:], rows[:, 0]), rounds).save_model(sys.argv[2])
"""
PREDICT = """
import sys, tarfile
import numpy, xgboost
booster = xgboost.Booster()
booster.load_model(bytearray(tarfile.open(sys.argv[1]).extractfile("xgboost-model").read()))
rows = numpy.loadtxt(sys.argv[2], delimiter=",", ndmin=2)
numpy.savetxt(sys.argv[3], booster.predict(xgboost.DMatrix(rows)), fmt="%.9g")
"""


@pytest.fixture(scope="session")
def in_jobs_python() -> Iterator[Callable[..., None]]:
    """Runs a program with arguments under the containers' Python, where their libraries are."""
    with subprocess.Popen(
        [str(JOBS_PYTHON), "-c", SERVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def run(program: str, *arguments: object) -> None:
            assert process.stdin and process.stdout
            process.stdin.write(json.dumps([program, *map(str, arguments)]) + "\n")
            process.stdin.flush()
            assert process.stdout.readline() == "done\n"

        yield run
        assert process.stdin
        process.stdin.close()


@pytest.fixture
def train_model(tmp_path: Path, in_jobs_python: Callable[..., None]) -> Callable[..., Path]:
    """Trains as the built-in XGBoost does: label first, no header, `xgboost-model` in a tar."""

    def train(rows: Path, **parameters: object) -> Path:
        model = tmp_path / "xgboost-model"
        in_jobs_python(TRAIN, rows, model, json.dumps(parameters))
        archive = tmp_path / "model.tar.gz"
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(model, "xgboost-model")
        return archive

    return train


@pytest.fixture
def predict(in_jobs_python: Callable[..., None]) -> Callable[[Path, Path, Path], None]:
    """Writes one prediction a line, as batch transform does."""

    def run(model: Path, features: Path, scores: Path) -> None:
        scores.parent.mkdir(parents=True, exist_ok=True)
        in_jobs_python(PREDICT, model, features, scores)

    return run
