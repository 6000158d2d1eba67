"""A project's settings for building pipelines: its `project.yaml`, checked and compiled.

What may be in the file, with defaults and checks, is `project_file`. What the control plane needs
of it is `headrace.domain.project.Project`, kept here as a part.
"""

from dataclasses import dataclass
from pathlib import Path

from headrace.domain.errors import PermanentError
from headrace.domain.project import Project

from pipeline_specs import ROOT
from pipeline_specs.config import document
from pipeline_specs.config.building import Data, DataQuality, Machines, Range, Retries, Tuning
from pipeline_specs.config.complaints import checked
from pipeline_specs.config.document import Document
from pipeline_specs.config.metrics import METRICS, Metric
from pipeline_specs.config.project_file import ProjectFile
from pipeline_specs.config.recipients import Recipient
from pipeline_specs.config.schedules import Schedule

__all__ = ["Range", "Settings", "Uploads", "load"]


@dataclass(frozen=True, slots=True)
class Uploads:
    """Whether CI uploads the project's own data, which starts a run when the data changed."""

    training_data: bool
    inference_data: bool


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that building and deploying a project's pipelines needs."""

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
    schedules: tuple[Schedule, ...]
    uploads: Uploads
    recreate_pipelines: bool
    recipients: tuple[Recipient, ...]
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
        file = checked(ProjectFile, source)
        return cls(
            project=Project.parse(file.control_plane(), source.where),
            data=file.data,
            metric=METRICS[file.quality.metric],
            processing=file.processing,
            training=file.training,
            hyperparameters=file.training.hyperparameters,
            tuning=file.tuning,
            inference=file.inference,
            data_quality=file.data_quality,
            retries=file.steps.retries,
            cache_expire_after=file.steps.cache_expire_after,
            max_parallel_steps=file.steps.max_parallel,
            schedules=file.schedules.all(),
            uploads=Uploads(file.upload_training_data, file.upload_inference_data),
            recreate_pipelines=file.recreate_pipelines,
            recipients=tuple(one.recipient() for one in file.notify.recipients),
            readers=file.accounts.readers,
            tags=_tags(file),
            role_arn=file.role_arn,
            kms_key=file.kms_key,
            subnets=file.subnets,
            security_groups=file.security_groups,
            network_isolation=file.network_isolation,
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


def _tags(file: ProjectFile) -> tuple[tuple[str, str], ...]:
    """Return the tags, with the person responsible as user_id."""
    answerable = {"user_id": file.user_id} if file.user_id else {}
    return tuple(sorted({**dict(file.tags), **answerable}.items()))
