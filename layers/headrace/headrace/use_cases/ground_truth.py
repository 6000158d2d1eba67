"""Ground truth: which run scored the file it belongs to, and what is left to check.

A ground-truth file has the same relative name as its scoring input. Ground truth that exists when a
scoring run is claimed goes into that run; later ground truth is checked by a run of its own. The
answer depends only on the ledger and the bucket, so that it can be computed again.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from headrace.adapters.data_bucket import DataBucket
from headrace.adapters.ledger import Ledger
from headrace.adapters.sagemaker import CLOCKS_APART, SageMaker
from headrace.domain.actions import Audit
from headrace.domain.events import ObjectCreated, digest, execution_id_of
from headrace.domain.lane import Lane, Request
from headrace.domain.project import Project

_SHOWN = 3
_MANIFEST, _VERSIONS = ".json", "-objects.json"

Version = tuple[str, str]  # key, version id


@dataclass(frozen=True, slots=True)
class Judged:
    """A version of a file of ground truth, and the id of the run whose predictions it judges."""

    name: str
    version_id: str
    run: str


@dataclass(frozen=True, slots=True)
class Check:
    """What becomes of a drop of late ground truth: what is checked, and why the rest is not.

    While `waits_for` names a request whose run has not ended, the other fields are empty.
    """

    judged: tuple[Judged, ...] = ()
    left_out: tuple[Audit, ...] = ()
    waits_for: str = ""

    @property
    def description(self) -> str:
        """The description in SageMaker of the check's run."""
        names = list(dict.fromkeys(one.name for one in self.judged))
        of = list(dict.fromkeys(one.run for one in self.judged))
        files, of_runs = ("file" if len(names) == 1 else "files"), "run" + "s" * (len(of) > 1)
        return f"ground truth of {len(names)} {files} for {of_runs} {_few(of)}: {_few(names)}"[
            :3072
        ]


def requests_of(
    ledger: Ledger, bucket: DataBucket, project: Project, names: Iterable[str]
) -> dict[str, str]:
    """Return, by relative name, the request that took the scoring input of that name.

    The newest version counts, even if deleted; names whose input no request took are left out.
    """
    folder = project.folder("scoring")
    uploads = {
        ObjectCreated(bucket.name, folder + name, newest.version_id, 0, 0.0).business_key: name
        for name, newest in bucket.newest(folder, names).items()
    }
    return {uploads[key]: request for key, request in ledger.requests_of(uploads).items()}


def available_truth(
    bucket: DataBucket, project: Project, request_id: str, names: list[str]
) -> dict[str, str]:
    """Return a scoring run's parameters for the ground truth that exists when it is claimed."""
    folder = project.folder("ground-truth")
    newest = bucket.newest(folder, names)
    there = [name for name in names if name in newest and not newest[name].deleted]
    if not there:
        return {}
    versions = [(folder + name, newest[name].version_id) for name in there]
    return {
        "GroundTruthAvailable": "true",
        "GroundTruthType": "ManifestFile",
        "GroundTruth": _put_truth(bucket, project, request_id, versions),
    }


def _put_truth(
    bucket: DataBucket, project: Project, request_id: str, versions: list[Version]
) -> str:
    """Write a manifest of ground truth, and its versions beside it; return its URI.

    Content-addressed: another set of versions makes another manifest.
    """
    folder = project.folder("ground-truth")
    place = f"{project.drop_folder(request_id)}ground-truth-{digest(repr(versions))[:16]}"
    names = list(dict.fromkeys(key.removeprefix(folder) for key, _ in versions))
    bucket.put_versions(f"{place}{_VERSIONS}", versions)
    return bucket.put_manifest(f"{place}{_MANIFEST}", folder, names)


def check_of(
    ledger: Ledger, bucket: DataBucket, sagemaker: SageMaker, project: Project, request_id: str
) -> Check:
    """Return which files of a drop of late ground truth to check, once its runs have ended."""
    folder = project.folder("ground-truth")
    drop = [(key.removeprefix(folder), version) for key, version in ledger.drop(request_id)]
    joined = requests_of(ledger, bucket, project, [name for name, _ in drop])
    by_request: defaultdict[str, list[Version]] = defaultdict(list)
    for name, version in drop:
        by_request[joined.get(name, "")].append((name, version))
    scoring = ledger.lane(project.pipelines.inference)
    judged: list[Judged] = []
    reasons: defaultdict[str, list[str]] = defaultdict(list)
    for request, files in by_request.items():
        run, why = _run_of(sagemaker, project, scoring, request)
        if not run and not why:
            return Check(waits_for=request)
        own = _own_truth(bucket, sagemaker, run) if run else set()
        scored = _scored(bucket, project, run, [name for name, _ in files]) if run else set()
        for name, version in files:
            if (folder + name, version) in own:
                reasons[f"run {execution_id_of(run)} already used it"].append(name)
            elif name not in scored:
                reason = f"run {execution_id_of(run)} made no predictions for it"
                reasons[why or reason].append(name)
            else:
                judged.append(Judged(name, version, execution_id_of(run)))
    left_out = [
        Audit(f"drop/{request_id}", "ground truth", "not-checked", f"{_few(names)}: {why}")
        for why, names in reasons.items()
    ]
    return Check(tuple(judged), tuple(left_out))


def _run_of(sagemaker: SageMaker, project: Project, scoring: Lane, request: str) -> tuple[str, str]:
    """Return (ARN, "") of a request's ended run, ("", "") until it ends, ("", why) if none will."""
    if not request:
        return "", "no run has taken its scoring input yet; the run that takes it will look for it"
    if scoring.waiting is not None and scoring.waiting.id == request:
        return "", f"the run of {request} has not started and will look for it"
    since = Request.opened(request) - CLOCKS_APART
    found = sagemaker.first(project.pipelines.inference, request, since)
    if found is None:
        claimed = scoring.current is not None and scoring.current.request_id == request
        return "", "" if claimed else f"SageMaker has no run of {request}"
    return (found.arn, "") if found.ended else ("", "")


def _own_truth(bucket: DataBucket, sagemaker: SageMaker, run: str) -> set[Version]:
    """Return the ground truth that a scoring run was started with."""
    given = sagemaker.parameters(run)
    if given.get("GroundTruthAvailable") != "true":
        return set()
    versions = bucket.read_json(given["GroundTruth"].removesuffix(_MANIFEST) + _VERSIONS)
    return {(one["key"], one["version_id"]) for one in versions or ()}


def _scored(bucket: DataBucket, project: Project, run: str, names: list[str]) -> set[str]:
    """Return the files that a run made predictions for."""
    place = f"{project.prefix}/runs/{execution_id_of(run)}/predictions/"
    found = bucket.newest(place, names)
    return {name for name, newest in found.items() if not newest.deleted}


def put_manifests(
    bucket: DataBucket, project: Project, request_id: str, check: Check
) -> dict[str, str]:
    """Write a check's manifests; return the parameters of its run."""
    folder = project.folder("ground-truth")
    versions = [(folder + one.name, one.version_id) for one in check.judged]
    truth = _put_truth(bucket, project, request_id, versions)
    names = list(dict.fromkeys(f"{one.run}/predictions/{one.name}" for one in check.judged))
    key = f"{project.drop_folder(request_id)}predictions-{digest(repr(names))[:16]}{_MANIFEST}"
    predictions = bucket.put_manifest(key, f"{project.prefix}/runs/", names)
    return {"Predictions": predictions, "GroundTruth": truth}


def _few(names: list[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
