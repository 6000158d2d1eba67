"""QualityCheck steps: the analyzer's job, and what baseline is used, calculated, kept."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import ClientError

from local_cloud.sagemaker.engine.context import StepContext, StepResult
from local_cloud.sagemaker.engine.errors import StepFailed
from local_cloud.sagemaker.engine.processing import run_processing_job
from local_cloud.sagemaker.engine.requests import job_name, prepare
from local_cloud.sagemaker.engine.s3_data import JobStorage

_DRIFT_CHECK_MEMBER = {"DATA_QUALITY": "ModelDataQuality", "MODEL_QUALITY": "ModelQuality"}
_BASELINE = "/opt/ml/processing/baseline"


def run_quality_check_step(step: StepContext) -> StepResult:
    """Run the analyzer; with a baseline to check against, its violations may fail the step.

    Skipped: only a new baseline is calculated. Otherwise the data are checked against the
    supplied baseline, or else that of the newest approved version in the model package group.
    The baseline for later drift checks is the new one when RegisterNewBaseline says so.
    """
    document = step.document
    skip, register = bool(document.get("SkipCheck")), bool(document.get("RegisterNewBaseline"))
    supplied = _supplied(step)
    if not skip and not supplied.get("Constraints"):
        raise StepFailed(
            "ClientError: There is no baseline to check against: supply statistics and "
            f"constraints, approve a version in {document.get('ModelPackageGroupName')} that "
            "has DriftCheckBaselines, or skip the check"
        )
    name = job_name(step.execution.execution_id, step.name)
    arguments = {**step.arguments, "ProcessingJobName": name}
    request = prepare("CreateProcessingJob", arguments)
    if not skip:
        _give_baseline(request, supplied)
    base = request["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"].rstrip("/")
    calculated = {
        "Statistics": f"{base}/statistics.json",
        "Constraints": f"{base}/constraints.json",
    }
    used = calculated if register else supplied
    report = "" if skip else f"{base}/constraint_violations.json"
    check = {
        "CheckType": document["CheckType"],
        "CheckJobArn": step.arn(f"processing-job/{name}"),
        "ModelPackageGroupName": document.get("ModelPackageGroupName") or "",
        "SkipCheck": skip,
        "RegisterNewBaseline": register,
        "ViolationReport": report,
        **{f"CalculatedBaseline{kind}": uri for kind, uri in calculated.items()},
        **{f"BaselineUsedForDriftCheck{kind}": uri for kind, uri in used.items()},
    }
    metadata = {"QualityCheck": {k: v for k, v in check.items() if v != ""}}
    record = run_processing_job(step, request, metadata)
    if report and document.get("FailOnViolation", True):
        job = step.storage(request["RoleArn"], str(check["CheckJobArn"]))
        _fail_on_violations(job, report)
    return StepResult({**record, **check}, metadata)


def _supplied(step: StepContext) -> dict[str, str]:
    """The baseline the step is given, or the model registry's."""
    given = {
        kind: step.document[f"SuppliedBaseline{kind}"]
        for kind in ("Statistics", "Constraints")
        if step.document.get(f"SuppliedBaseline{kind}")
    }
    return given or _registered(step)


def _registered(step: StepContext) -> dict[str, str]:
    group = step.document.get("ModelPackageGroupName")
    member = _DRIFT_CHECK_MEMBER.get(step.document["CheckType"])
    if not group or not member:
        return {}
    try:
        step.authorize("ListModelPackages", {})
        listed = step.host.call(
            "ListModelPackages",
            {
                "ModelPackageGroupName": group,
                "ModelApprovalStatus": "Approved",
                "SortBy": "CreationTime",
                "SortOrder": "Descending",
                "MaxResults": 1,
            },
        )["ModelPackageSummaryList"]
    except ClientError as error:
        if error.response["Error"]["Code"] in ("ValidationException", "ResourceNotFound"):
            return {}  # the group comes into being with its first version
        raise
    if not listed:
        return {}
    package = step.host.call(
        "DescribeModelPackage", {"ModelPackageName": listed[0]["ModelPackageArn"]}
    )
    baseline = package.get("DriftCheckBaselines", {}).get(member, {})
    return {kind: source["S3Uri"] for kind, source in baseline.items()}


def _give_baseline(request: dict[str, Any], supplied: dict[str, str]) -> None:
    for kind, uri in supplied.items():
        folder = f"{_BASELINE}/{'stats' if kind == 'Statistics' else 'constraints'}"
        request.setdefault("ProcessingInputs", []).append(
            {
                "InputName": f"baseline_{kind.lower()}",
                "S3Input": {
                    "S3Uri": uri,
                    "LocalPath": folder,
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                },
            }
        )
        path = f"{folder}/{uri.rsplit('/', 1)[-1]}"
        request.setdefault("Environment", {})[f"baseline_{kind.lower()}"] = path


def _fail_on_violations(storage: JobStorage, report: str) -> None:
    try:
        violations = json.loads(storage.read_text(report)).get("violations", [])
    except ValueError as error:
        raise StepFailed(f"ClientError: {report} is not JSON: {error}") from error
    if violations:
        names = sorted({str(v.get("feature_name")) for v in violations})
        raise StepFailed(
            f"ClientError: {len(violations)} constraint violations ({', '.join(names)[:300]}); "
            f"see {report}"
        )
