"""Jobs as the engine runs them, described and listed as SageMaker does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from local_cloud.sagemaker.core import events, paging
from local_cloud.sagemaker.core.errors import ApiError
from local_cloud.sagemaker.core.operations import OPERATIONS, Call, operation
from local_cloud.sagemaker.core.validation import checked_response, service_model

Request = dict[str, Any]
TEXT_LENGTH = 1024  # of FailureReason and ExitMessage; the service cuts them too
NO_SUCH_TUNING_JOB = "Amazon SageMaker can't find a tuning job with the name {}."


@dataclass(frozen=True, slots=True)
class Kind:
    """The names, listing and not-found error of a kind of job."""

    name: str
    list_operation: str
    rows: str
    summary: str
    default_order: str = "Ascending"
    lost: str = "Could not find requested job with name: {}"
    lost_code: str = "ValidationException"

    @property
    def key(self) -> str:
        """The member that holds the job's name."""
        return f"{self.name}Name"

    def absent(self, name: str) -> ApiError:
        """There is no job of that name."""
        return ApiError(self.lost_code, self.lost.format(name))


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "ProcessingJob", "ListProcessingJobs", "ProcessingJobSummaries", "ProcessingJobSummary"
        ),
        Kind(
            "TrainingJob",
            "ListTrainingJobs",
            "TrainingJobSummaries",
            "TrainingJobSummary",
            lost="Requested resource not found.",
        ),
        Kind(
            "TransformJob",
            "ListTransformJobs",
            "TransformJobSummaries",
            "TransformJobSummary",
            default_order="Descending",
        ),
        Kind(
            "HyperParameterTuningJob",
            "ListHyperParameterTuningJobs",
            "HyperParameterTuningJobSummaries",
            "HyperParameterTuningJobSummary",
            lost=NO_SUCH_TUNING_JOB,
            lost_code="ResourceNotFound",
        ),
    )
}


def changed(call: Call, kind: str, record: Request) -> None:
    """Store a job as reported by the engine; a new (secondary) status becomes an event."""
    cut = {
        name: value[:TEXT_LENGTH] if name in ("FailureReason", "ExitMessage") else value
        for name, value in record.items()
        if value is not None
    }
    cut = {"LastModifiedTime": call.now, **cut} if kind != "TransformJob" else cut
    checked = checked_response(f"Describe{kind}", cut)
    table = call.table(kind)
    before = table.get(checked[f"{kind}Name"], {})
    table[checked[f"{kind}Name"]] = checked
    statuses = (f"{kind}Status", "SecondaryStatus")
    if any(checked.get(name) != before.get(name) for name in statuses):
        tags = call.table("tags").get(checked[f"{kind}Arn"], [])
        call.events.append(events.job_status(kind, checked, tags))


def find(call: Call, kind: Kind, name: str) -> Request:
    """The job of that name, or the error this kind of job has for it.

    Names differ in more than case: an ARN has its job's name in lower case, and people describe
    a step's job by the name they find there.
    """
    jobs = call.table(kind.name)
    job: Request | None = jobs.get(name)
    if job is None:
        same = (job for key, job in jobs.items() if key.lower() == name.lower())
        job = next(same, None)
    if job is None:
        raise kind.absent(name)
    return job


def _register(kind: Kind) -> None:
    def describe(call: Call, request: Request) -> Request:
        return find(call, kind, request[kind.key])

    def list_all(call: Call, request: Request) -> Request:
        return _listed(call, kind, request)

    OPERATIONS[f"Describe{kind.name}"] = describe
    OPERATIONS[kind.list_operation] = list_all


for _kind in KINDS.values():
    _register(_kind)


def _listed(call: Call, kind: Kind, request: Request) -> Request:
    rows = [_summary(kind, job) for job in call.table(kind.name).values()]
    rows = paging.named(rows, kind.key, request.get("NameContains"))
    for field in ("CreationTime", "LastModifiedTime"):
        after, before = request.get(f"{field}After"), request.get(f"{field}Before")
        rows = paging.within(rows, field, after, before)
    status, wanted = f"{kind.name}Status", request.get("StatusEquals")
    rows = [row for row in rows if wanted is None or row[status] == wanted]
    by = {"Name": kind.key, "Status": status}.get(request.get("SortBy", ""), "CreationTime")
    rows = paging.ordered(rows, lambda row: row[by], request.get("SortOrder", kind.default_order))
    chosen, token = paging.page(rows, request, lambda row: str(row[kind.key]))
    return {kind.rows: chosen, **token}


def _summary(kind: Kind, job: Request) -> Request:
    members = service_model().shape_for(kind.summary).members
    summary = {name: job[name] for name in members if name in job}
    if kind.name == "HyperParameterTuningJob":
        config = job["HyperParameterTuningJobConfig"]
        summary |= {"Strategy": config["Strategy"], "ResourceLimits": config["ResourceLimits"]}
    return summary


@operation("ListTrainingJobsForHyperParameterTuningJob")
def list_of_tuning_job(call: Call, request: Request) -> Request:
    """The training jobs that a tuning job launched, with the hyperparameters of each."""
    tuning = find(call, KINDS["HyperParameterTuningJob"], request["HyperParameterTuningJobName"])
    rows = [
        _trial(tuning, job)
        for job in call.table("TrainingJob").values()
        if job.get("TuningJobArn") == tuning["HyperParameterTuningJobArn"]
    ]
    wanted = request.get("StatusEquals")
    rows = [row for row in rows if wanted is None or row["TrainingJobStatus"] == wanted]
    by: str = request.get("SortBy", "Name")
    if by == "FinalObjectiveMetricValue":
        rows = [row for row in rows if "FinalHyperParameterTuningJobObjectiveMetric" in row]
        rows = paging.ordered(
            rows,
            lambda row: row["FinalHyperParameterTuningJobObjectiveMetric"]["Value"],
            request.get("SortOrder", "Ascending"),
        )
    else:
        field = {"Name": "TrainingJobName", "Status": "TrainingJobStatus"}.get(by, by)
        rows = paging.ordered(rows, lambda row: row[field], request.get("SortOrder", "Ascending"))
    chosen, token = paging.page(rows, request, lambda row: str(row["TrainingJobName"]))
    return {"TrainingJobSummaries": chosen, **token}


def _trial(tuning: Request, job: Request) -> Request:
    members = service_model().shape_for("HyperParameterTrainingJobSummary").members
    trial = {name: job[name] for name in members if name in job}
    config = tuning["HyperParameterTuningJobConfig"]
    tuned = {
        entry["Name"]
        for ranges in config.get("ParameterRanges", {}).values()
        if isinstance(ranges, list)
        for entry in ranges
    }
    trial["TunedHyperParameters"] = {
        name: value for name, value in job.get("HyperParameters", {}).items() if name in tuned
    }
    objective = config.get("HyperParameterTuningJobObjective")
    for metric in job.get("FinalMetricDataList", []):
        if objective and metric["MetricName"] == objective["MetricName"]:
            trial["FinalHyperParameterTuningJobObjectiveMetric"] = {
                "Type": objective["Type"],
                "MetricName": metric["MetricName"],
                "Value": metric["Value"],
            }
    status = {"InProgress": "Pending", "Completed": "Succeeded"}
    trial["ObjectiveStatus"] = status.get(job["TrainingJobStatus"], "Failed")
    return trial


def interrupted(call: Call) -> None:
    """Fail the jobs that a stop of the cloud cut off."""
    for kind in KINDS:
        status = f"{kind}Status"
        for job in list(call.table(kind).values()):
            if job[status] in ("InProgress", "Stopping"):
                record = job | {status: "Failed", "FailureReason": "The laptop cloud was stopped."}
                if kind == "TrainingJob":
                    record["SecondaryStatus"] = "Failed"
                changed(call, kind, record)
