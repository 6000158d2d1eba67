"""The artefacts as they are deployed, once for all tests of this folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from benchmarks.artefacts import Artefacts, build, preloaded, trusting
from benchmarks.cold import Case, environment, start
from benchmarks.cold_cases import ANSWERS, CASES, items
from benchmarks.stub import Stub


@dataclass(frozen=True)
class Lambda:
    """Starts processes as Lambda does, with what is deployed and a stub in the services' place."""

    artefacts: Artefacts
    modules: list[str]
    stub: Stub
    bundle: Path

    def cold(self, name: str) -> dict[str, Any]:
        """One cold start of a case of the benchmark; its numbers."""
        function, event, call = CASES[name]
        case = Case(name, self.artefacts.path_of(function), event, call)
        variables = environment(self.stub, self.bundle)
        return start(case, self.artefacts.python, self.modules, variables, self.stub)


@pytest.fixture(scope="session")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> Artefacts:
    return build(tmp_path_factory.mktemp("artefacts"))


@pytest.fixture(scope="session")
def deployed(artefacts: Artefacts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lambda]:
    with Stub(tmp_path_factory.mktemp("stub"), items(), ANSWERS) as stub:
        bundle = trusting(artefacts.layer, stub.ca)
        yield Lambda(artefacts, preloaded(artefacts.python), stub, bundle)
