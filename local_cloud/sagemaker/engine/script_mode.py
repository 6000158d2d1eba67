"""Script mode, as the sagemaker-training toolkit in AWS's images does it: SM_* and arguments."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterable, Mapping
from typing import Any

PROGRAM = "sagemaker_program"
SUBMIT_DIRECTORY = "sagemaker_submit_directory"
CODE = "/opt/ml/code"


def plain(text: str) -> str:
    """A hyperparameter's text without the JSON quotes that older SDKs put around it."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, str) else text


def own_hyperparameters(given: Mapping[str, str]) -> dict[str, Any]:
    """The script's hyperparameters: those not meant for the toolkit, as JSON values."""
    theirs = ("sagemaker_", "_tuning_objective_metric")
    return {name: _value(text) for name, text in given.items() if not name.startswith(theirs)}


def arguments(given: Mapping[str, str]) -> list[str]:
    """The command line: `--name value`, sorted by name; one letter has one hyphen."""
    words = []
    for name, value in sorted(own_hyperparameters(given).items()):
        words.append(f"-{name}" if len(name) == 1 else f"--{name}")
        words.append(value if isinstance(value, str) else _argument(value))
    return words


def environment(given: Mapping[str, str], channels: Iterable[str], job: str) -> dict[str, str]:
    """The SM_* variables of a training container with one host."""
    names = sorted(channels)
    own = own_hyperparameters(given)
    program = plain(given[PROGRAM])
    variables = {
        "SM_MODEL_DIR": "/opt/ml/model",
        "SM_OUTPUT_DIR": "/opt/ml/output",
        "SM_OUTPUT_DATA_DIR": "/opt/ml/output/data",
        "SM_INPUT_DIR": "/opt/ml/input",
        "SM_INPUT_CONFIG_DIR": "/opt/ml/input/config",
        "SM_CHANNELS": json.dumps(names),
        "SM_HPS": json.dumps(own),
        "SM_USER_ARGS": json.dumps(arguments(given)),
        "SM_USER_ENTRY_POINT": program,
        "SM_MODULE_NAME": program.removesuffix(".py"),
        "SM_MODULE_DIR": plain(given.get(SUBMIT_DIRECTORY, CODE)),
        "SM_CURRENT_HOST": "algo-1",
        "SM_HOSTS": '["algo-1"]',
        "SM_NUM_CPUS": str(os.cpu_count() or 1),
        "SM_NUM_GPUS": "0",
        "SM_LOG_LEVEL": plain(given.get("sagemaker_container_log_level", "20")),
        "TRAINING_JOB_NAME": job,
        "PYTHONPATH": CODE,
    }
    variables |= {f"SM_CHANNEL_{name.upper()}": f"/opt/ml/input/data/{name}" for name in names}
    for name, value in own.items():
        variables[f"SM_HP_{name.upper().replace('-', '_')}"] = (
            value if isinstance(value, str) else _argument(value)
        )
    return variables


def command(given: Mapping[str, str]) -> list[str]:
    """What runs the script, in the folder its archive was unpacked to."""
    program = plain(given[PROGRAM])
    if program.endswith(".py"):
        return ["python3", program, *arguments(given)]
    return ["/bin/sh", "-c", f"./{shlex.quote(program)} {shlex.join(arguments(given))}"]


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _argument(value: Any) -> str:
    return str(value) if isinstance(value, bool | int | float) else json.dumps(value)
