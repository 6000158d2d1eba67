"""What the builders of the training pipelines need to know of an algorithm."""

from collections.abc import Callable
from dataclasses import dataclass

from pipeline_specs.config.metrics import Metric, Objective


@dataclass(frozen=True, slots=True)
class Image:
    """An image that SageMaker provides, as its SDK looks it up."""

    framework: str
    version: str
    python: str | None = None


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A built-in algorithm of SageMaker: it trains without a script of ours.

    SageMaker knows the metrics of its own images and refuses a job that defines them again, so an
    algorithm names its objectives and has no metric definitions.
    """

    image: Image
    """Trains, evaluates and serves the model."""
    channels: tuple[str, ...]
    """The channels of a training job; each reads the output of Preprocess with the same name."""
    content_type: str
    """The media type of the channels, of what the model scores and of what it answers."""
    evaluate: str
    """The script in `pipeline_specs/steps/` that can load the model."""
    objective: Callable[[Metric], Objective]
    """The metric of the algorithm that a search optimises for a project's metric."""
