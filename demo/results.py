"""The results of the main job's stages, for the table and for the tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from demo.loop import Run
from demo.mailbox import Mail


@dataclass(frozen=True, slots=True)
class Version:
    """A model package as the registry describes it."""

    arn: str
    number: int
    approval: str
    metadata: dict[str, str]
    artefact: str
    described: dict[str, Any] = field(repr=False)

    @property
    def reports(self) -> dict[str, str]:
        """The S3 URIs of its evaluation, statistics and constraints."""
        metrics = self.described.get("ModelMetrics", {})
        data = metrics.get("ModelDataQuality", {})
        return {
            "evaluation": metrics.get("ModelQuality", {}).get("Statistics", {}).get("S3Uri", ""),
            "statistics": data.get("Statistics", {}).get("S3Uri", ""),
            "constraints": data.get("Constraints", {}).get("S3Uri", ""),
        }


@dataclass(frozen=True, slots=True)
class Trained:
    """A run that registered a version, and the mail that asks for approval."""

    run: Run
    version: Version
    mail: Mail


@dataclass(frozen=True, slots=True)
class Live:
    """A version that the inference pipeline uses, and the mail that says so."""

    version: Version
    definition: dict[str, Any]
    mail: Mail


@dataclass(frozen=True, slots=True)
class Scored:
    """A scoring run: its predictions by file name, its data-quality violations, its verdict."""

    run: Run
    predictions: dict[str, list[str]]
    violations: list[dict[str, Any]]
    verdict: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Drifted:
    """A scoring run that missed the threshold, its mails, and the retuning that followed."""

    scored: Scored
    violations_mail: Mail
    failure_mail: Mail
    retuned: Trained


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A retuned version: sent back without the board's reference, live with it."""

    returned: Version
    returned_mail: Mail
    live: Live


@dataclass(frozen=True, slots=True)
class Crashed:
    """A scoring run whose model-quality step crashed, its mail, and the decision."""

    run: Run
    mail: Mail
    decided: dict[str, Any]
