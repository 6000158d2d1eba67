"""Hyperparameter ranges of a tuning job, as Optuna distributions, and values as SageMaker's text.

Optuna (half a second to import) is imported only when needed, through `optuna_quietly`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from local_cloud.sagemaker.engine.errors import StepFailed

AUTO_LOGARITHMIC_FROM = 100.0  # largest over smallest value of a range
STRATEGIES = ("Bayesian", "Random", "Grid")


@cache
def optuna_quietly() -> Any:
    """Optuna with its own progress lines switched off."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


@dataclass(frozen=True)
class Range:
    """One hyperparameter to tune. `kind` is Integer, Continuous or Categorical."""

    name: str
    kind: str
    low: float = 0.0
    high: float = 0.0
    scaling: str = "Linear"
    values: tuple[str, ...] = ()

    def ask(self, trial: Any) -> str:
        """Let an Optuna trial suggest a value."""
        if self.kind == "Categorical":
            return str(trial.suggest_categorical(self.name, self.values))
        log = self.scaling == "Logarithmic"
        if self.kind == "Integer":
            return str(trial.suggest_int(self.name, int(self.low), int(self.high), log=log))
        if self.scaling == "ReverseLogarithmic":  # fine steps near 1: search 1 - x by its log
            mirrored = trial.suggest_float(self.name, 1 - self.high, 1 - self.low, log=True)
            return repr(1 - mirrored)
        return repr(trial.suggest_float(self.name, self.low, self.high, log=log))


def ranges_of(document: Mapping[str, Any]) -> list[Range]:
    """Read ParameterRanges (or HyperParameterRanges)."""
    found = [
        *(_numeric("Integer", item) for item in document.get("IntegerParameterRanges") or []),
        *(_numeric("Continuous", item) for item in document.get("ContinuousParameterRanges") or []),
        *(
            Range(item["Name"], "Categorical", values=tuple(item["Values"]))
            for item in document.get("CategoricalParameterRanges") or []
        ),
    ]
    if document.get("AutoParameters"):
        raise StepFailed("ClientError: AutoParameters of a tuning job are not supported here")
    if not found:
        raise StepFailed("ClientError: The tuning job has no parameter ranges")
    return found


def _numeric(kind: str, item: Mapping[str, str]) -> Range:
    name, scaling = item["Name"], item.get("ScalingType", "Auto")
    try:
        low, high = float(item["MinValue"]), float(item["MaxValue"])
    except ValueError as error:
        raise StepFailed(f"ClientError: The range of {name} is not of numbers: {error}") from error
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise StepFailed(f"ClientError: The range of {name} has no values: {low} to {high}")
    if scaling == "Auto":
        wide = low > 0 and high / low >= AUTO_LOGARITHMIC_FROM
        scaling = "Logarithmic" if wide else "Linear"
    if scaling == "Logarithmic" and low <= 0:
        raise StepFailed(f"ClientError: {name}: logarithmic scaling needs values above 0")
    if scaling == "ReverseLogarithmic" and (kind == "Integer" or low < 0 or high >= 1):
        raise StepFailed(
            f"ClientError: {name}: reverse logarithmic scaling needs continuous values from 0 "
            "to below 1"
        )
    return Range(name, kind, low, high, scaling)


def make_study(
    strategy: str, ranges: list[Range], *, maximize: bool, seed: int | None, max_jobs: int
) -> Any:
    """An Optuna study that searches as the strategy says."""
    optuna = optuna_quietly()
    if strategy == "Bayesian":
        # A third of the jobs, ten at most, look around before the model of the past steers.
        startup = max(2, min(10, max_jobs // 3))
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=startup)
    elif strategy == "Random":
        sampler = optuna.samplers.RandomSampler(seed=seed)
    elif strategy == "Grid":
        if any(r.kind != "Categorical" for r in ranges):
            raise StepFailed("ClientError: Grid search takes categorical ranges only")
        sampler = optuna.samplers.RandomSampler(seed=seed)  # not asked: every trial is given
    else:
        raise StepFailed(
            f"ClientError: Tuning strategy {strategy} is not supported here; supported are "
            f"{', '.join(STRATEGIES)}"
        )
    study = optuna.create_study(sampler=sampler, direction="maximize" if maximize else "minimize")
    if strategy == "Grid":
        for values in itertools.product(*(r.values for r in ranges)):
            study.enqueue_trial(dict(zip((r.name for r in ranges), values, strict=True)))
    return study


def grid_size(ranges: list[Range]) -> int:
    """How many combinations a grid has."""
    return math.prod(len(r.values) for r in ranges)
