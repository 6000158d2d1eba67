"""What a model-quality step found."""

import json
from typing import NamedTuple

MODEL_QUALITY_STEP = "ModelQuality"


class Verdict(NamedTuple):
    """The result of the model-quality step: its metric, compared on so many `rows`."""

    metric: str
    value: float
    threshold: float
    passed: bool
    rows: int

    def __str__(self) -> str:
        side = "above" if self.value > self.threshold else "below"
        return (
            f"{self.metric} {self.value:.4g} is {side} the threshold {self.threshold:g} "
            f"on {self.rows:,} rows"
        )

    @classmethod
    def parse(cls, exit_message: str) -> "Verdict | None":
        """Return the verdict in a job's exit message.

        None if there is none, because the step crashed first.
        """
        try:
            said = json.loads(exit_message)
            return cls(
                metric=str(said["metric"]),
                value=float(said["value"]),
                threshold=float(said["threshold"]),
                passed=said["passed"] is True,
                rows=int(said["rows"]),
            )
        except (ValueError, KeyError, TypeError):
            return None
