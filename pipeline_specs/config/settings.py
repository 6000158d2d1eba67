"""The settings that shape a project's pipelines, parsed once from its `project.yaml`.

What the control plane needs of the same file is `headrace.project.Project`, kept here as a part.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from headrace.domain.errors import PermanentError
from headrace.domain.project import Project

from pipeline_specs import ROOT
from pipeline_specs.config import control_plane, document, recipients, schedules, sharing
from pipeline_specs.config.document import Document, Section
from pipeline_specs.config.metrics import METRICS, Metric

_TOP = (
    *control_plane.TOP,
    *("data", "training", "tuning", "inference", "processing", "data_quality", "steps"),
    *(
        "accounts",
        "schedules",
        "upload_training_data",
        "upload_inference_data",
        "recreate_pipelines",
    ),
    *("tags", "user_id", "role_arn", "kms_key", "subnets", "security_groups"),
    "network_isolation",
)


ColumnType = Literal["numeric", "categorical", "ignored"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a labelled file."""

    name: str
    type: ColumnType


@dataclass(frozen=True, slots=True)
class Data:
    """The shape of a labelled file; scoring input is the same without the target."""

    header: bool
    target: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Machines:
    """What a job runs on, and for how long at most."""

    instance_type: str
    instance_count: int
    volume_gb: int
    max_runtime_seconds: int


@dataclass(frozen=True, slots=True)
class Range:
    """What tuning may try for one hyperparameter: from a lowest to a highest, or of choices."""

    name: str
    kind: Literal["continuous", "integer", "categorical"]
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Tuning:
    """How far a retuning searches. With a `random_seed` a random search can be repeated."""

    ranges: tuple[Range, ...]
    strategy: str
    max_jobs: int
    max_parallel_jobs: int
    random_seed: int | None = None


@dataclass(frozen=True, slots=True)
class Retries:
    """How a step is repeated after a fault of the service."""

    max_attempts: int
    interval_seconds: int
    backoff_rate: float


@dataclass(frozen=True, slots=True)
class DataQuality:
    """Who checks the data, and where our analyzer's `monitoring_config` is not the usual one."""

    check: Literal["processing", "model-monitor"]
    thresholds: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Uploads:
    """Whether CI uploads the project's own data, which starts a run when it changed."""

    training_data: bool
    inference_data: bool


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that shapes a project's pipelines."""

    project: Project
    data: Data
    metric: Metric
    processing: Machines
    training: Machines
    hyperparameters: tuple[tuple[str, str], ...]
    tuning: Tuning
    inference: Machines
    data_quality: DataQuality
    retries: Retries | None
    cache_expire_after: str | None
    max_parallel_steps: int | None
    schedules: tuple[schedules.Schedule, ...]
    uploads: Uploads
    recreate_pipelines: bool
    recipients: tuple[recipients.Recipient, ...]
    readers: tuple[str, ...]
    tags: tuple[tuple[str, str], ...]
    role_arn: str | None
    kms_key: str | None
    subnets: tuple[str, ...]
    security_groups: tuple[str, ...]
    network_isolation: bool

    @classmethod
    def parse(cls, source: Document) -> "Settings":
        """Return the settings; raises PermanentError naming file, line and key."""
        top = Section(source).only(*_TOP)
        project = control_plane.project(top, source)
        metric = METRICS[top.section("quality").choice("metric", tuple(METRICS))]
        training = top.section("training").only(*_MACHINES, "hyperparameters")
        steps = top.section("steps").only("retries", "cache_expire_after", "max_parallel")
        subnets, security_groups = top.texts("subnets"), top.texts("security_groups")
        if bool(subnets) != bool(security_groups):
            top.fail("subnets", "and security_groups go together: set both or none")
        return cls(
            project=project,
            data=_data(top.section("data").only("header", "target", "columns")),
            metric=metric,
            processing=_machines(top.section("processing").only(*_MACHINES)),
            training=_machines(training),
            hyperparameters=_pairs(training, "hyperparameters"),
            tuning=_tuning(top.section("tuning")),
            inference=_machines(top.section("inference").only(*_MACHINES)),
            data_quality=_data_quality(top.section("data_quality").only("check", "thresholds")),
            retries=_retries(steps.section("retries")) if steps.values.get("retries") else None,
            cache_expire_after=steps.optional("cache_expire_after"),
            max_parallel_steps=steps.whole("max_parallel")
            if steps.values.get("max_parallel") is not None
            else None,
            schedules=schedules.parse(top.section("schedules"), project.name),
            uploads=Uploads(
                top.flag("upload_training_data", False), top.flag("upload_inference_data", False)
            ),
            recreate_pipelines=top.flag("recreate_pipelines", False),
            recipients=recipients.parse(top.section("notify")),
            readers=sharing.parse(top.section("accounts")),
            tags=_tags(top),
            role_arn=top.optional("role_arn"),
            kms_key=top.optional("kms_key"),
            subnets=subnets,
            security_groups=security_groups,
            network_isolation=top.flag("network_isolation", False),
        )


def load(project: str) -> tuple[Settings, Document]:
    """Return a project's settings, and the document they are written in."""
    path = ROOT / "pipeline_specs" / project / "project.yaml"
    if not path.is_file():
        known = sorted(found.parent.name for found in path.parent.parent.glob("*/project.yaml"))
        raise PermanentError(
            f"no project named {project}: {_shown(path)} is missing; there are {', '.join(known)}"
        )
    source = document.load(path)
    return Settings.parse(source), source


def _shown(path: Path) -> Path:
    return path.relative_to(ROOT)


# What may be said of `monitoring_config` in constraints.json.
_MONITORING = (
    *("datatype_check_threshold", "domain_content_threshold", "comparison_threshold"),
    *("comparison_method", "categorical_comparison_threshold", "categorical_drift_method"),
)
_COLUMN_TYPES: tuple[ColumnType, ...] = ("numeric", "categorical", "ignored")
_CHECKS: tuple[Literal["processing", "model-monitor"], ...] = ("processing", "model-monitor")
_MACHINES = ("instance_type", "instance_count", "volume_gb", "max_runtime_seconds")


def _machines(section: Section) -> Machines:
    return Machines(
        instance_type=section.text("instance_type"),
        instance_count=section.whole("instance_count", 1),
        volume_gb=section.whole("volume_gb", 30),
        max_runtime_seconds=section.whole("max_runtime_seconds", 3600),
    )


def _data(section: Section) -> Data:
    columns: list[Column] = []
    for column in section.sections("columns"):
        column.only("name", "type")
        columns.append(Column(column.text("name"), column.choice("type", _COLUMN_TYPES)))
    names = [column.name for column in columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if len(columns) < 2 or twice:
        section.fail("columns", f"names {twice[0]} twice" if twice else "should name at least two")
    target = section.text("target")
    if target not in names:
        section.fail("target", f"is {target!r}, which is no column; there are {', '.join(names)}")
    used = [column.name for column in columns if column.type != "ignored"]
    if target not in used or len(used) < 2:
        section.fail("columns", f"should name the target {target} and one more that is not ignored")
    return Data(section.flag("header", False), target, tuple(columns))


def _tuning(section: Section) -> Tuning:
    section.only("ranges", "strategy", "max_jobs", "max_parallel_jobs", "random_seed")
    ranges = section.section("ranges")
    if not ranges.values:
        section.fail("ranges", "is missing")
    max_jobs = section.whole("max_jobs", 4)
    parallel = section.whole("max_parallel_jobs", 2)
    if parallel > max_jobs:
        section.fail("max_parallel_jobs", f"is {parallel}, more than max_jobs ({max_jobs})")
    return Tuning(
        ranges=tuple(_range(ranges, name) for name in sorted(ranges.values)),
        strategy=section.choice("strategy", ("Bayesian", "Random", "Hyperband"), "Bayesian"),
        max_jobs=max_jobs,
        max_parallel_jobs=parallel,
        random_seed=section.whole("random_seed", least=0)
        if "random_seed" in section.values
        else None,
    )


def _range(section: Section, name: str) -> Range:
    values = section.values[name]
    if isinstance(values, list) and values:
        if all(isinstance(value, str) for value in values):
            return Range(name, "categorical", tuple(values))
        numbers = all(type(value) in (int, float) for value in values)
        if numbers and len(values) == 2 and values[0] < values[1]:
            whole = all(isinstance(value, int) for value in values)
            return Range(name, "integer" if whole else "continuous", tuple(values))
    return section.fail(name, f"should be [lowest, highest] or texts, but is {values!r:.60}")


def _data_quality(section: Section) -> DataQuality:
    check = section.choice("check", _CHECKS, "processing")
    thresholds = section.section("thresholds").only(*_MONITORING)
    if check == "model-monitor" and thresholds.values:
        section.fail("thresholds", "are for check: processing; Model Monitor reads constraints")
    return DataQuality(check=check, thresholds=_pairs(section, "thresholds"))


def _retries(section: Section) -> Retries:
    section.only("max_attempts", "interval_seconds", "backoff_rate")
    return Retries(
        max_attempts=section.whole("max_attempts", 3),
        interval_seconds=section.whole("interval_seconds", 5),
        backoff_rate=section.number("backoff_rate", 2.0),
    )


def _tags(top: Section) -> tuple[tuple[str, str], ...]:
    """Return the tags, with who is answerable for what they are on."""
    tags = dict(_pairs(top, "tags"))
    if user := top.optional("user_id"):
        tags["user_id"] = user
    return tuple(sorted(tags.items()))


def _pairs(section: Section, key: str) -> tuple[tuple[str, str], ...]:
    """Return a mapping's entries, sorted, as the strings that SageMaker takes."""
    pairs = section.section(key)
    for name, value in pairs.values.items():
        if not isinstance(value, (str, int, float)):
            pairs.fail(str(name), f"should be a text or a number, but is {value!r:.60}")
    return tuple(sorted((str(k), _as_text(v)) for k, v in pairs.values.items()))


def _as_text(value: str | int | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
