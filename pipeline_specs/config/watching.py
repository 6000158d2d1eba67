"""The sections that the control plane reads: what is dropped, run, approved and retuned."""

from typing import Annotated

from headrace.domain.project import FOLDER_KEYS, FOLDERS, RESERVED
from pydantic import AfterValidator, Field, StrictStr, model_validator

from pipeline_specs.config.fields import (
    NAME,
    CountOrNone,
    Flag,
    Number,
    OneOf,
    Positive,
    Section,
    Shape,
    Wrong,
    shown,
)
from pipeline_specs.config.metrics import METRICS

_TAKEN = "|".join(sorted(RESERVED - {""}))
_SEGMENT = rf"(?!({_TAKEN})(/|$))[^/]+"


def _folder(value: str) -> str:
    """Return a folder's name as it is written; uploads into reserved folders start nothing."""
    taken = sorted(set(value.strip("/").split("/")) & RESERVED)
    if taken:
        what = f"a folder {taken[0]!r}" if taken[0] else "a folder without a name"
        raise Wrong(f"may not hold {what}, but is {shown(value)}")
    return value


Folder = Annotated[
    StrictStr,
    AfterValidator(_folder),
    Field(json_schema_extra={"pattern": f"^/*{_SEGMENT}(/{_SEGMENT})*/*$"}),
]
_OF_LETTERS = "of at most {} letters, digits and inner hyphens"
ProjectName = Annotated[StrictStr, Shape(NAME, _OF_LETTERS.format(32), 32)]
GroupName = Annotated[StrictStr, Shape(NAME, _OF_LETTERS.format(63), 63)]
PipelineName = Annotated[StrictStr, Shape(NAME, _OF_LETTERS.format(256), 256)]
MetricName = Annotated[StrictStr, OneOf(tuple(METRICS))]


class Folders(Section):
    """Where people drop files, below the prefix."""

    training: Folder = FOLDERS["training"].rstrip("/")
    """Labelled data."""
    scoring: Folder = FOLDERS["scoring"].rstrip("/")
    """Scoring input."""
    ground_truth: Folder = FOLDERS["ground-truth"].rstrip("/")
    """The labels of scored rows, in files named like the scored files."""

    @model_validator(mode="after")
    def _apart(self) -> "Folders":
        places = {key: getattr(self, key).strip("/") + "/" for key in FOLDER_KEYS}
        for key, place in places.items():
            if sum(other.startswith(place) for other in places.values()) > 1:
                raise Wrong(f"may not hold another watched folder, but is {shown(place)}", key)
        return self


class Pipelines(Section):
    """The names of the SageMaker pipelines."""

    training: PipelineName | None = None
    """Trains with fixed hyperparameters; headrace-PROJECT-training unless named."""
    training_hpo: PipelineName | None = None
    """Searches for hyperparameters; headrace-PROJECT-training-hpo unless named."""
    inference: PipelineName | None = None
    """Scores batches; headrace-PROJECT-inference unless named."""
    model_quality: PipelineName | None = None
    """Checks predictions whose ground truth came later; headrace-PROJECT-model-quality unless
    named."""


class Drops(Section):
    """What makes a drop of files."""

    suffix: StrictStr = ".csv"
    """What a data file's name ends with; other files are ignored."""
    quiet_period: Positive = 60.0
    """Seconds without an upload that end a drop."""
    trigger_file: StrictStr = ""
    """A file of this name ends a drop, instead of the quiet period."""


def _metrics() -> str:
    kinds = {"Regression": "regression_metrics", "Classification": "binary_classification_metrics"}
    return " ".join(
        f"{kind}: {', '.join(name for name, one in METRICS.items() if one.report == report)}."
        for kind, report in kinds.items()
    )


class Quality(Section):
    """What a model must reach, in training and in production."""

    metric: MetricName = Field(description=_metrics())
    threshold: Number
    """The worst value that still passes."""


class Approval(Section):
    """Versions that wait for approval."""

    remind_after_hours: Positive = 72.0
    """People are reminded of a version that waits longer."""
    four_eyes: Flag = False
    """A version must be approved by somebody other than the person who started its run."""


class Retune(Section):
    """How often a missed threshold may retune the model."""

    cool_down_hours: Positive = 24.0
    """Hours between two retunings, at least."""
    max_per_week: CountOrNone = 3
    """Retunings in seven days, at most."""
