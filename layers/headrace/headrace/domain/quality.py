"""What a model-quality step found."""

from typing import NamedTuple

MODEL_QUALITY_STEP = "ModelQuality"


class Verdict(NamedTuple):
    """What the model-quality step said of its metric before it ended: `rows` were compared."""

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
