"""A project's settings, as far as the control plane needs them (the rest builds pipelines)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Literal, NoReturn, TypeVar

from headrace.domain.errors import PermanentError

Folder = Literal["training", "scoring", "ground-truth"]
FOLDERS: dict[Folder, str] = {
    "training": "training/data/raw/",
    "scoring": "batch-scoring/data/raw/",
    "ground-truth": "batch-scoring/data/ground-truth/",
}
FOLDER_KEYS = ("training", "scoring", "ground_truth")  # in `project.yaml`
# Folders that runs and CI write to: objects in them are not uploads, and start nothing.
RESERVED = frozenset({"", "runs", "drops", "code"})
_T = TypeVar("_T")


class PipelineKind(StrEnum):
    """What a pipeline of a project does."""

    TRAINING = "training"
    TRAINING_HPO = "training-hpo"
    INFERENCE = "inference"
    MODEL_QUALITY = "model-quality"


_KINDS = tuple(PipelineKind)  # an enum's own iterator is slow, and every decision asks for kinds


@dataclass(frozen=True, slots=True)
class Pipelines:
    """The names of a project's four SageMaker pipelines."""

    training: str
    training_hpo: str
    inference: str
    model_quality: str

    @property
    def all(self) -> tuple[str, ...]:
        """Return the names; each pipeline is a lane of its own."""
        return (self.training, self.training_hpo, self.inference, self.model_quality)

    def kind_of(self, name: str) -> PipelineKind | None:
        """Return what a pipeline does, by its name in any case; None if it is another project's."""
        wanted, names = name.lower(), [one.lower() for one in self.all]
        return _KINDS[names.index(wanted)] if wanted in names else None

    def name_of(self, kind: PipelineKind) -> str:
        """Return a pipeline's name as it was created; events carry it in lower case."""
        return self.all[_KINDS.index(kind)]


@dataclass(frozen=True, slots=True)
class RetunePolicy:
    """How often a missed threshold may retune the model."""

    cool_down_hours: float
    max_per_week: int


@dataclass(frozen=True, slots=True)
class CustomMessage:
    """The project's own text for a status of a pipeline, or of one of its steps."""

    pipeline: str
    step: str
    status: str
    message: str


@dataclass(frozen=True, slots=True)
class Folders:
    """The watched folders below a project's prefix, each ending with a slash."""

    training: str = FOLDERS["training"]
    scoring: str = FOLDERS["scoring"]
    ground_truth: str = FOLDERS["ground-truth"]


@dataclass(frozen=True, slots=True)
class Project:
    """One model: its folders, pipelines, limits and notifications.

    `prefix` is its folder in the data bucket, without slashes at its ends; `quiet_period` is in
    seconds; `suffix` is what a data file's name ends with. A file named `trigger_file` ends a drop;
    if that is empty, the quiet period does. People are reminded of a version that waits for
    approval longer than `remind_after_hours`; with `four_eyes`, the person who started its run may
    not approve it.
    """

    name: str
    prefix: str
    pipelines: Pipelines
    model_package_group: str
    suffix: str
    quiet_period: float
    metric: str
    threshold: float
    retune: RetunePolicy
    trigger_file: str = ""
    remind_after_hours: float = 72.0
    custom_messages: tuple[CustomMessage, ...] = ()
    folders: Folders = Folders()
    four_eyes: bool = False

    @classmethod
    def parse(cls, document: Mapping[str, Any], where: str) -> "Project":
        """Return the settings in a mapping like `project.yaml`; `where` names it in errors.

        `upsert` checks the file and stores what `document` gives, every default filled in. A
        stored document of another release may have more or fewer keys: unknown ones are ignored,
        missing ones get their defaults. Raises PermanentError, naming the key, for a value of
        another type, and for a name, metric or threshold that is missing.
        """
        top = _Section(document, where)
        name = top.get("project", str)
        pipelines = top.section("pipelines")
        prefix = _place(top, "prefix", name)
        drops, quality, retune = top.section("drops"), top.section("quality"), top.section("retune")
        return cls(
            name=name,
            prefix=prefix,
            pipelines=Pipelines(
                training=pipelines.get("training", str, f"headrace-{name}-training"),
                training_hpo=pipelines.get("training_hpo", str, f"headrace-{name}-training-hpo"),
                inference=pipelines.get("inference", str, f"headrace-{name}-inference"),
                model_quality=pipelines.get("model_quality", str, f"headrace-{name}-model-quality"),
            ),
            model_package_group=top.get("model_package_group", str, f"headrace-{name}"),
            suffix=drops.get("suffix", str, ".csv"),
            quiet_period=drops.number("quiet_period", 60.0),
            metric=quality.get("metric", str),
            threshold=quality.number("threshold"),
            retune=RetunePolicy(
                cool_down_hours=retune.number("cool_down_hours", 24.0),
                max_per_week=int(retune.number("max_per_week", 3)),
            ),
            trigger_file=drops.get("trigger_file", str, ""),
            remind_after_hours=top.section("approval").number("remind_after_hours", 72.0),
            four_eyes=top.section("approval").get("four_eyes", bool, default=False),
            folders=_folders(top.section("folders")),
            custom_messages=tuple(
                CustomMessage(
                    pipeline=custom.get("pipeline", str),
                    step=custom.get("step", str, ""),
                    status=custom.get("status", str),
                    message=custom.get("message", str),
                )
                for custom in top.section("notify").sections("custom")
            ),
        )

    def document(self) -> dict[str, Any]:
        """Return the settings in the form that `parse` reads."""
        return {
            "project": self.name,
            "prefix": self.prefix,
            "pipelines": asdict(self.pipelines),
            "model_package_group": self.model_package_group,
            "folders": asdict(self.folders),
            "drops": {
                "suffix": self.suffix,
                "quiet_period": self.quiet_period,
                "trigger_file": self.trigger_file,
            },
            "approval": {
                "remind_after_hours": self.remind_after_hours,
                "four_eyes": self.four_eyes,
            },
            "quality": {"metric": self.metric, "threshold": self.threshold},
            "retune": asdict(self.retune),
            "notify": {"custom": [asdict(custom) for custom in self.custom_messages]},
        }

    def folder(self, name: Folder) -> str:
        """Return the key prefix of a watched folder, ending with a slash."""
        return f"{self.prefix}/{getattr(self.folders, name.replace('-', '_'))}"

    def drop_folder(self, request_id: str) -> str:
        """Return the key prefix of the files about a request's drop, ending with a slash."""
        return f"{self.prefix}/drops/{request_id}/"

    def folder_of(self, key: str) -> Folder | None:
        """Return the watched folder that a key lies in."""
        for name in FOLDERS:
            if key.startswith(self.folder(name)):
                return name
        return None

    def is_trigger(self, key: str) -> bool:
        """Whether a key is a trigger file: it ends a drop and is not data."""
        return (
            bool(self.trigger_file)
            and key.rsplit("/", 1)[-1] == self.trigger_file
            and self.folder_of(key) in ("training", "scoring")
        )

    def relative_name(self, key: str) -> str:
        """Return a key relative to its watched folder; scores and ground truth share this name."""
        name = self.folder_of(key)
        return key.removeprefix(self.folder(name)) if name else key

    def custom_message(self, pipeline: str, step: str, status: str) -> str | None:
        """Return the project's own text for a status change (`step` is empty for the run)."""
        for custom in self.custom_messages:
            if (custom.pipeline.lower(), custom.step, custom.status) == (pipeline, step, status):
                return custom.message
        return None


def _folders(section: "_Section") -> Folders:
    names = [
        _place(section, key, FOLDERS[folder]) + "/"
        for key, folder in zip(FOLDER_KEYS, FOLDERS, strict=True)
    ]
    for key, name in zip(FOLDER_KEYS, names, strict=True):
        if sum(other.startswith(name) for other in names) > 1:
            section.fail(key, f"may not hold another watched folder, but is {name!r}")
    return Folders(*names)


def _place(section: "_Section", key: str, default: str) -> str:
    """Return a folder's name without slashes at its ends.

    An upload into a folder named like one that runs write to would start nothing.
    """
    name = section.get(key, str, default).strip("/")
    taken = sorted(set(name.split("/")) & RESERVED)
    if taken:
        section.fail(key, f"may not hold a folder {taken[0]!r}, but is {name!r}")
    return name


class _Section:
    """A part of the settings, with errors that name the key."""

    def __init__(self, values: Any, where: str) -> None:
        if not isinstance(values, Mapping):
            raise PermanentError(f"{where} should hold keys and values, not {values!r:.60}")
        self._values, self._where = values, where

    def get(self, key: str, kind: type[_T], default: _T | None = None) -> _T:
        value = self._values.get(key, default)
        if value is None:
            raise PermanentError(f"{self._where}: {key} is missing")
        if not isinstance(value, kind):
            raise PermanentError(
                f"{self._where}: {key} should be of type {kind.__name__}, but is {value!r:.60}"
            )
        return value

    def fail(self, key: str, complaint: str) -> NoReturn:
        raise PermanentError(f"{self._where}: {key} {complaint}")

    def number(self, key: str, default: float | None = None) -> float:
        value = self._values.get(key, default)
        if value is None:
            raise PermanentError(f"{self._where}: {key} is missing")
        if isinstance(value, bool):
            raise PermanentError(f"{self._where}: {key} should be a number, but is {value!r}")
        try:
            return float(value)
        except (TypeError, ValueError) as error:
            raise PermanentError(
                f"{self._where}: {key} should be a number, but is {value!r:.60}"
            ) from error

    def section(self, key: str) -> "_Section":
        return _Section(self._values.get(key) or {}, f"{self._where}: {key}")

    def sections(self, key: str) -> list["_Section"]:
        values = self._values.get(key) or []
        if not isinstance(values, list):
            raise PermanentError(f"{self._where}: {key} should be a list")
        return [_Section(v, f"{self._where}: {key}[{i}]") for i, v in enumerate(values)]
