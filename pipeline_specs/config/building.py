"""The sections that pipelines are built from: data, machines, searches, checks and steps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StrictStr, WithJsonSchema, model_validator

from pipeline_specs.config.fields import (
    OPTIONAL_SECTION,
    Count,
    CountOrNone,
    Flag,
    Pairs,
    Positive,
    Section,
    Shape,
    Share,
    Text,
    Wrong,
    shown,
)


class Column(Section):
    """A column."""

    name: Text
    """Its name."""
    type: Literal["numeric", "categorical", "ignored"]
    """What its values are; an ignored column, such as an id or a date, may hold anything and is
    only copied into the predictions."""


class Data(Section):
    """The shape of a labelled file; scoring input is the same without the target."""

    header: Flag = False
    """Whether a file starts with the names of its columns."""
    target: Text
    """The column that is predicted."""
    columns: Annotated[tuple[Column, ...], Field(min_length=2)]
    """All columns, in the order of the file."""

    @model_validator(mode="after")
    def _predictable(self) -> "Data":
        names = [column.name for column in self.columns]
        for name in names:
            if names.count(name) > 1:
                raise Wrong(f"names {name} twice", "columns")
        if self.target not in names:
            there = ", ".join(names)
            raise Wrong(
                f"is {shown(self.target)}, which is not a column; the columns are {there}", "target"
            )
        used = [column.name for column in self.columns if column.type != "ignored"]
        if self.target not in used or len(used) < 2:
            raise Wrong(
                f"should name the target {self.target} and one more that is not ignored", "columns"
            )
        return self


class Machines(Section):
    """What a job runs on, and for how long at most."""

    instance_type: Annotated[Text, Field(examples=["ml.m5.large"])]
    """The instance type of the jobs."""
    instance_count: Count = 1
    """How many instances a job has."""
    volume_gb: Count = 30
    """The size of each instance's disk, in GB."""
    max_runtime_seconds: Count = 3600
    """After how many seconds a job is stopped."""


class Training(Machines):
    """The built-in XGBoost, and what it runs on."""

    hyperparameters: Pairs = ()
    """Fixed, approved hyperparameters of the built-in XGBoost."""


@dataclass(frozen=True, slots=True)
class Range:
    """What tuning may try for one hyperparameter: a range of numbers, or choices."""

    name: str
    kind: Literal["continuous", "integer", "categorical"]
    values: tuple[Any, ...]


def _ranges(values: Any) -> tuple[Range, ...]:
    """Return what tuning may try, sorted by hyperparameter; raises Wrong naming it."""
    if not isinstance(values, Mapping):
        raise Wrong(f"should hold keys and values, but is {shown(values)}")
    if not values:
        raise Wrong("should name at least one hyperparameter, but is empty")
    return tuple(_range(str(name), values[name]) for name in sorted(values, key=str))


def _range(name: str, values: Any) -> Range:
    if isinstance(values, list) and values:
        if all(isinstance(value, str) for value in values):
            return Range(name, "categorical", tuple(values))
        numbers = all(type(value) in (int, float) for value in values)
        if numbers and len(values) == 2 and values[0] < values[1]:
            whole = all(isinstance(value, int) for value in values)
            return Range(name, "integer" if whole else "continuous", tuple(values))
    raise Wrong(f"should be [lowest, highest] or texts, but is {shown(values)}", name)


_NUMBERS = {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "number"}}
_CHOICES = {"type": "array", "minItems": 1, "items": {"type": "string"}}
Ranges = Annotated[
    tuple[Range, ...],
    BeforeValidator(_ranges),
    WithJsonSchema(
        {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {"anyOf": [_NUMBERS, _CHOICES]},
        }
    ),
]


class Tuning(Section):
    """How far a retuning searches."""

    ranges: Annotated[Ranges, Field(examples=[{"eta": [0.05, 0.5], "booster": ["gbtree", "dart"]}])]
    """For each hyperparameter [lowest, highest], or texts to choose from."""
    strategy: Literal["Bayesian", "Random", "Hyperband"] = "Bayesian"
    """How SageMaker searches."""
    max_jobs: Count = 4
    """How many training jobs a search has."""
    max_parallel_jobs: Count = 2
    """How many of these jobs run at a time."""
    random_seed: CountOrNone | None = None
    """With a seed, the same data gives the same search; without, each search is different."""

    @model_validator(mode="after")
    def _no_more_at_a_time_than_at_all(self) -> "Tuning":
        if self.max_parallel_jobs > self.max_jobs:
            raise Wrong(
                f"is {self.max_parallel_jobs}, more than max_jobs ({self.max_jobs})",
                "max_parallel_jobs",
            )
        return self


def _usual(value: float | str) -> Any:
    """Add the analyzer's default to the schema, for editors."""
    return Field(json_schema_extra={"default": value})


class Thresholds(Section):
    """Where the analyzer's monitoring_config differs from the defaults."""

    datatype_check_threshold: Annotated[Share | None, _usual(1.0)] = None
    """Share of values that must be of the column's type."""
    domain_content_threshold: Annotated[Share | None, _usual(1.0)] = None
    """Share of values that must be known categories."""
    comparison_threshold: Annotated[Positive | None, _usual(0.1)] = None
    """How far numeric distributions may differ."""
    comparison_method: Annotated[Literal["Simple", "Robust"] | None, _usual("Robust")] = None
    """Simple: the largest difference; Robust: two-sample Kolmogorov-Smirnov."""
    categorical_comparison_threshold: Annotated[Positive | None, _usual(0.1)] = None
    """How far categorical distributions may differ."""
    categorical_drift_method: Annotated[
        Literal["LInfinity", "ChiSquared"] | None, _usual("LInfinity")
    ] = None
    """How categorical distributions are compared."""

    def environment(self) -> dict[str, str]:
        """Return the options that are set, as the analyzer reads them: texts, sorted by key."""
        return {key: str(value) for key, value in sorted(self) if value is not None}


class DataQuality(Section):
    """How data is compared with what the model was trained on."""

    check: Literal["processing", "model-monitor"] = "processing"
    """Headrace's own analyzer, or Model Monitor's in accounts that still have access to it."""
    thresholds: Annotated[Thresholds, OPTIONAL_SECTION] = Thresholds()

    @model_validator(mode="after")
    def _read_by_somebody(self) -> "DataQuality":
        if self.check == "model-monitor" and self.thresholds.environment():
            raise Wrong("are for check: processing; Model Monitor reads constraints", "thresholds")
        return self


class Retries(Section):
    """How a step is retried after a fault of the service, never of the data or the code."""

    max_attempts: Count = 3
    """How many attempts a step has at most."""
    interval_seconds: Count = 5
    """Seconds before the first retry."""
    backoff_rate: Positive = 2.0
    """The factor by which the wait grows with each retry."""


_DURATION = (
    r"P(?!$)([0-9]+Y)?([0-9]+M)?([0-9]+W)?([0-9]+D)?(T(?=[0-9])([0-9]+H)?([0-9]+M)?([0-9]+S)?)?"
)
Duration = Annotated[
    StrictStr,
    Shape(_DURATION, "an ISO 8601 duration like P7D or PT12H"),
    Field(examples=["P7D"]),
]


class Steps(Section):
    """How the steps of the pipelines are run."""

    retries: Retries | None = None
    cache_expire_after: Duration | None = None
    """Training steps with the same inputs are not run again for this long (ISO 8601 duration);
    without it, no step is cached."""
    max_parallel: Count | None = None
    """How many steps of a run may run in parallel; no limit unless set."""
