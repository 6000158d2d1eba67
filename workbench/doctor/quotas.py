"""Whether quotas are large enough for the projects' jobs and for the functions."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from pipeline_specs.config.settings import Settings
from workbench.doctor.findings import Finding
from workbench.doctor.target import Target

# The smallest concurrency that lets functions have some to themselves, and what a request asks for.
_CONCURRENCY, _USUAL_CONCURRENCY = 100, 1000
_CONCURRENCY_CODE = "L-B99A9384"  # "Concurrent executions", the same in every region


class Need(NamedTuple):
    """Instances of a type: of the largest job, and of all that may run side by side."""

    one_job: int
    at_once: int


def jobs(target: Target) -> Iterator[Finding]:
    """Compare SageMaker's quota for each kind of job and instance type with what projects use."""
    needs = needed(target.settings)
    names = {f"{instance} for {usage} job usage": need for (instance, usage), need in needs.items()}
    quotas: dict[str, Any] = {}
    pages = target.client("service-quotas").get_paginator("list_service_quotas")
    for page in pages.paginate(ServiceCode="sagemaker"):
        quotas |= {one["QuotaName"]: one for one in page["Quotas"] if one["QuotaName"] in names}
    for name, need in names.items():
        if name not in quotas:
            yield Finding("quotas", "unknown", f"Service Quotas lists no quota {name}")
            continue
        value, code = int(quotas[name]["Value"]), quotas[name]["QuotaCode"]
        seen = f"{name}: {value}"
        if value >= need.at_once:
            yield Finding("quotas", "ok", seen)
            continue
        wanted = _increase(target, "sagemaker", code, need.at_once)
        if value < need.one_job:
            seen = f"{seen}, and one job needs {need.one_job}; AWS takes hours to days to raise it"
            yield Finding("quotas", "error", seen, wanted)
        else:
            seen = f"{seen}, while up to {need.at_once} may be wanted at a time; jobs will wait"
            yield Finding("quotas", "warning", seen, wanted)


def concurrency(target: Target) -> Iterator[Finding]:
    """Check how many functions of the account may run at a time."""
    limit = target.client("lambda").get_account_settings()["AccountLimit"]
    value = int(limit["ConcurrentExecutions"])
    seen = f"{value} functions of this account may run at a time"
    if value >= _CONCURRENCY:
        yield Finding("concurrency", "ok", seen)
        return
    command = _increase(target, "lambda", _CONCURRENCY_CODE, _USUAL_CONCURRENCY)
    seen = f"{seen}: new accounts begin with 10, and bursts of events are throttled"
    yield Finding("concurrency", "warning", seen, command)


def needed(projects: tuple[Settings, ...]) -> dict[tuple[str, str], Need]:
    """Return what projects need by (instance type, usage), each of them running at once.

    A run checks its data's quality beside what else it processes, so it may have two such jobs.
    """
    found: dict[tuple[str, str], Need] = {}
    for one in projects:
        side_by_side = one.training.instance_count * one.tuning.max_parallel_jobs
        kinds = (
            (one.processing, "processing", 2 * one.processing.instance_count),
            (one.training, "training", side_by_side),
            (one.inference, "transform", one.inference.instance_count),
        )
        for machines, usage, at_once in kinds:
            before = found.get((machines.instance_type, usage), Need(0, 0))
            largest = max(before.one_job, machines.instance_count)
            found[machines.instance_type, usage] = Need(largest, before.at_once + at_once)
    return found


def _increase(target: Target, service: str, code: str, value: int) -> str:
    wanted = ("--quota-code", code, "--desired-value", str(value))
    request = "request-service-quota-increase"
    return target.aws("service-quotas", request, "--service-code", service, *wanted)
