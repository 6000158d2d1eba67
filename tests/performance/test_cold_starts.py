"""A cold start stays as small as it is: its time, its memory, its modules, its artefact."""

import subprocess
from typing import Any

import pytest

from benchmarks.artefacts import FUNCTIONS, Artefacts
from benchmarks.cold_cases import CASES

# What builds pipelines, runs in jobs or is only there for people; boto3 is botocore and a sixth.
NEVER = {"sagemaker", "boto3", "pandas", "numpy", "sklearn", "xgboost", "pydantic", "yaml"}
ONLY_TO_REFRESH = {"gitlab", "requests", "requests_toolbelt", "charset_normalizer"}
MEGABYTES = 30.0
PEAK_MEGABYTES = 60.0
BARE_PYTHONS = 30.0  # it is some 12 to 15 of them


@pytest.fixture(scope="module")
def starts(deployed: Any) -> dict[str, dict[str, Any]]:
    """Each case of the benchmark once: all of them come to their API call, over TLS."""
    return {name: deployed.cold(name) for name in CASES}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_with_its_layer_is_small(artefacts: Artefacts, function: str) -> None:
    assert artefacts.megabytes(function) <= MEGABYTES


@pytest.mark.parametrize("name", CASES)
def test_a_function_loads_nothing_it_has_no_use_for(
    starts: dict[str, dict[str, Any]], name: str
) -> None:
    loaded = set(starts[name]["packages"])

    assert {"botocore", "aws_lambda_powertools"} <= loaded
    assert not loaded & NEVER
    if CASES[name][0] != "refresh_inference":
        assert not loaded & ONLY_TO_REFRESH


@pytest.mark.parametrize("name", CASES)
def test_a_function_needs_little_memory(starts: dict[str, dict[str, Any]], name: str) -> None:
    assert starts[name]["peak_mb"] <= PEAK_MEGABYTES


def test_importing_a_function_takes_a_few_times_what_starting_python_takes(deployed: Any) -> None:
    command = [
        str(deployed.artefacts.python),
        "-I",
        "-c",
        "import time; print(time.process_time())",
    ]
    # The least of several: whatever else the machine does only adds.
    bare = min(
        float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        for _ in range(5)
    )
    own = min(deployed.cold("notify: a run was stopped")["import_ms"] for _ in range(5)) / 1000

    assert own / bare <= BARE_PYTHONS
