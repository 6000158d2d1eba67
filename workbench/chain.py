"""The origin and fate of a version: from its data to when it was live.

Read from the current registry, SageMaker, S3 and the ledger's audit.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
from headrace.adapters.data_bucket import DataBucket
from headrace.adapters.ledger import Ledger
from headrace.adapters.sagemaker import Execution, SageMaker
from headrace.domain.errors import PermanentError
from headrace.domain.model_version import ModelPackage
from headrace.domain.project import Project

from workbench import version_history
from workbench.version_history import Step

_SHOWN = 10  # objects in the text for people; JSON has all


@dataclass(frozen=True, slots=True)
class Object:
    """One version of an object that the run read."""

    key: str
    version_id: str


@dataclass(frozen=True, slots=True)
class Chain:
    """The chain of one version; `run` and `version` are as SageMaker has them."""

    project: str
    data: str
    objects: tuple[Object, ...]
    request: str
    requested: tuple[Step, ...]
    run: dict[str, str]
    version: dict[str, str]
    reviews: tuple[Step, ...]
    ci: tuple[Step, ...]
    live: str

    def document(self) -> dict[str, Any]:
        """Return the chain for machines."""
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """Yield the chain for people."""
        yield f"{self.project}, version {self.version['number']}: {self.live}"
        yield f"data      {self.data}"
        for thing in self.objects[:_SHOWN]:
            yield f"          {thing.key} (version {thing.version_id})"
        if len(self.objects) > _SHOWN:
            yield f"          and {len(self.objects) - _SHOWN} more (--json names them all)"
        yield f"request   {self.request or 'none: started outside Headrace'}"
        yield from map(_line, self.requested)
        yield from _facts("run", self.run)
        yield from _facts("version", self.version)
        yield from _steps("approval", self.reviews, "not decided yet")
        yield from _steps("CI", self.ci, "no refresh was started")
        yield f"live      {self.live}"


def of_version(ledger: Ledger, session: boto3.Session, project: str, number: int) -> Chain:
    """Return the chain of a project's version; raises PermanentError where there is none."""
    known = ledger.project_of("name", project)
    if known is None:
        raise PermanentError(f"no project named {project} in the ledger; upsert it first")
    sagemaker, s3 = SageMaker(session.client("sagemaker")), session.client("s3")
    package = _version(sagemaker, known, number)
    arn = package.metadata.get("run", "")
    execution = sagemaker.describe(arn) if arn else None
    run = _run(arn, execution)
    entries = ledger.audit(project)
    request = run.get("name", "")
    requested = tuple(version_history.requested(entries, request))
    data, objects = _data(s3, package.metadata, execution)
    version = {
        "number": str(package.version),
        "arn": package.arn,
        "kind": package.kind,
        "registered": _iso_of(package.created),
        "approval": package.approval,
        "metric": package.metadata.get("metric", ""),
        "threshold": package.metadata.get("threshold", ""),
        "report": package.evaluation_uri,
        "board_reference": package.board_reference,
    }
    ci = tuple(version_history.ci(entries, package.arn))
    return Chain(
        project=project,
        data=data,
        objects=objects,
        request=request if requested else "",
        requested=requested,
        run=run,
        version={name: value for name, value in version.items() if value},
        reviews=tuple(version_history.reviews(entries, package.arn)),
        ci=ci,
        live=version_history.live(
            entries, ledger.lane(known.pipelines.inference).rollout.live, package.arn
        ),
    )


# --- what AWS says --------------------------------------------------------------------------------


def _version(sagemaker: SageMaker, project: Project, number: int) -> ModelPackage:
    """Return a version by its number; raises PermanentError if the group has no such version."""
    group = project.model_package_group
    for arn in sagemaker.versions(group):
        if arn.rpartition("/")[2] == str(number) and (package := sagemaker.version(arn)):
            return package
    raise PermanentError(f"looking up version {number} of {group}: there is no such version")


def _run(arn: str, run: Execution | None) -> dict[str, str]:
    """Return a run as SageMaker has it, only its ARN if it was deleted."""
    if not arn:
        return {}
    if run is None:
        return {"arn": arn, "status": "deleted, with its pipeline"}
    return {
        "arn": arn,
        "status": run.status,
        "name": run.display_name,
        "started": _iso_of(run.started),
        "started_by": run.created_by,
        "because": run.description,
    }


def _data(
    s3: Any, metadata: dict[str, str], run: Execution | None
) -> tuple[str, tuple[Object, ...]]:
    """Return the training data of a version, in words, and the versions of its objects.

    A drop's versions are listed beside its manifest. For a whole folder they are the newest ones at
    the start of the run.
    """
    uri = metadata.get("training_data", "")
    name, _, key = uri.removeprefix("s3://").partition("/")
    if not uri:
        return "unknown: not in the version's metadata", ()
    bucket = DataBucket(s3, name)
    if metadata.get("training_data_type") == "ManifestFile":
        place = f"s3://{name}/{key.rpartition('/')[0]}/objects.json"
        drop = bucket.read_json(place) or ()
        objects = tuple(Object(item["key"], item["version_id"]) for item in drop)
        return f"{_count(objects)} of the drop {place}", objects
    objects = tuple(Object(*one) for one in bucket.newest_at(key, run.started)) if run else ()
    return f"{_count(objects)} of {uri}, as it was when the run started", objects


# --- words ----------------------------------------------------------------------------------------


def _line(step: Step) -> str:
    reason = f" ({step.reason})" if step.reason else ""
    return f"          {step.time}  {step.actor}: {step.outcome}{reason}"


def _steps(name: str, steps: tuple[Step, ...], none: str) -> Iterator[str]:
    yield f"{name:10}" + ("" if steps else none)
    yield from map(_line, steps)


def _facts(name: str, found: dict[str, str]) -> Iterator[str]:
    known = {key.replace("_", " "): value for key, value in found.items() if value}
    yield f"{name:10}{known.pop('arn', 'unknown')}"
    yield from (f"          {key} {value}" for key, value in known.items())


def _count(objects: tuple[Object, ...]) -> str:
    return "1 object" if len(objects) == 1 else f"{len(objects)} objects"


def _iso(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds")


def _iso_of(seconds: float) -> str:
    return _iso(datetime.fromtimestamp(seconds, UTC))
