"""CacheConfig and RetryPolicies of a step. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from local_cloud.sagemaker.engine.errors import DefinitionError

_DURATION = re.compile(
    r"P(?:(?P<Y>\d+)Y)?(?:(?P<M>\d+)M)?(?:(?P<W>\d+)W)?(?:(?P<D>\d+)D)?"
    r"(?:T(?:(?P<h>\d+)H)?(?:(?P<m>\d+)M)?(?:(?P<s>\d+)S)?)?"
)
_SECONDS = {
    "Y": 365 * 86400, "M": 30 * 86400, "W": 7 * 86400, "D": 86400, "h": 3600, "m": 60, "s": 1,
}  # fmt: skip

# What a change of makes the step run again; AWS documents it as "default cache key attributes".
# Where the outputs go is not among them: a hit hands on the outputs of the earlier run.
_PROCESSING = ("AppSpecification", "Environment", "ProcessingInputs")
_KEY_ARGUMENTS = {
    "Processing": _PROCESSING,
    "QualityCheck": _PROCESSING,
    "Training": (
        "AlgorithmSpecification", "CheckpointConfig", "DebugHookConfig",
        "DebugRuleConfigurations", "Environment", "HyperParameters", "InputDataConfig",
    ),
    "Tuning": ("HyperParameterTuningJobConfig", "TrainingJobDefinition", "TrainingJobDefinitions"),
    "Transform": ("DataProcessing", "Environment", "ModelName", "TransformInput"),
}  # fmt: skip
_KEY_MEMBERS = (
    "CheckType", "SkipCheck", "RegisterNewBaseline", "ModelPackageGroupName",
    "SuppliedBaselineStatistics", "SuppliedBaselineConstraints",
)  # fmt: skip
_KEY_TRAINING_DEFINITION = (
    "AlgorithmSpecification", "HyperParameterRanges", "InputDataConfig", "StaticHyperParameters",
    "TuningObjective",
)  # fmt: skip


def cache_seconds(document: Mapping[str, Any]) -> float | None:
    """How old a reused step may be; None when the step is not to be cached."""
    config = document.get("CacheConfig") or {}
    if not config.get("Enabled") or document["Type"] not in _KEY_ARGUMENTS:
        return None
    return duration_seconds(config.get("ExpireAfter", "P30D"))


def duration_seconds(text: str) -> float:
    """Seconds of an ISO 8601 duration such as P30D or PT1H."""
    match = _DURATION.fullmatch(text)
    if not match or not any(match.groupdict().values()):
        raise DefinitionError(f"CacheConfig.ExpireAfter {text!r} is not an ISO 8601 duration")
    return float(sum(_SECONDS[k] * int(v) for k, v in match.groupdict().items() if v))


def cache_key(document: Mapping[str, Any]) -> str:
    """The key of a resolved step's cache: equal for two runs of which one may reuse the other."""
    arguments = document.get("Arguments", {})
    relevant = {k: arguments.get(k) for k in _KEY_ARGUMENTS[document["Type"]]}
    if relevant.get("TrainingJobDefinition"):
        definition = relevant["TrainingJobDefinition"]
        relevant["TrainingJobDefinition"] = {k: definition.get(k) for k in _KEY_TRAINING_DEFINITION}
    members = {k: document.get(k) for k in ("Name", "Type", *_KEY_MEMBERS)}
    text = json.dumps([members, relevant], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Retries:
    """Counts a step's attempts by error, and decides whether it may be retried."""

    policies: tuple[Mapping[str, Any], ...]

    @staticmethod
    def of(document: Mapping[str, Any]) -> Retries:
        """The step's retry policies."""
        return Retries(tuple(document.get("RetryPolicies") or ()))

    def wait_seconds(
        self, retry_type: str | None, failures: Iterable[str | None], elapsed: float
    ) -> float | None:
        """How long to wait before the next attempt; None when there is none.

        `failures` are the types of all failures so far, this one included; `elapsed` the
        seconds since the first attempt.
        """
        for policy in self.policies:
            types = policy["ExceptionType"]
            if retry_type is None or retry_type not in types:
                continue
            attempts = sum(1 for failure in failures if failure in types)
            if "MaxAttempts" in policy and attempts > int(policy["MaxAttempts"]):
                return None
            if "ExpireAfterMin" in policy and elapsed > 60 * float(policy["ExpireAfterMin"]):
                return None
            interval = float(policy.get("IntervalSeconds", 1))
            return interval * float(policy.get("BackoffRate", 2.0)) ** (attempts - 1)
        return None
