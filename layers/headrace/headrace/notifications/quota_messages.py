"""What people read about quotas that are used up."""

from headrace.domain.message import Message
from headrace.domain.quota import Quota
from headrace.notifications.format import detail_lines, iso, lines, when


def how_to_raise(quota: Quota | None) -> tuple[str, ...]:
    """Return the command that asks AWS for more of a quota, or lists quotas if none was named."""
    if quota is None:
        return (
            "To find the quota:",
            "",
            "  aws service-quotas list-service-quotas --service-code sagemaker --output table \\",
            '    --query "Quotas[].[QuotaCode,QuotaName,Value]"',
        )
    return (
        "To ask AWS for more, which takes hours to days:",
        "",
        "  aws service-quotas request-service-quota-increase --service-code sagemaker \\",
        f"    --desired-value {quota.limit + quota.more} --quota-code $(",
        "      aws service-quotas list-service-quotas --service-code sagemaker --output text \\",
        f"      --query \"Quotas[?QuotaName=='{quota.name}'].QuotaCode\")",
    )


def run_waits_for_quota(
    project: str,
    pipeline: str,
    request: str,
    error: str,
    quota: Quota | None,
    *,
    because: str,
    at: float,
    until: float,
) -> Message:
    """Return the message that a run's start waits for a quota, and until when it is retried."""
    named = f"the quota {quota.name!r}" if quota else "a quota of SageMaker"
    return Message(
        kind="quota-reached",
        project=project,
        subject=f"{project}: {pipeline} waits for {named}",
        text=lines(
            f"{pipeline} was not started for request {request}: {named} is used up.",
            "",
            *detail_lines(
                reason=error,
                quota=f"{quota.name}, {quota.limit}" if quota else "",
                instance_type=quota.instance_type if quota else "",
                cause=because,
                at=when(at),
                until=when(until),
            ),
            "",
            "The start is retried, after a minute at first and every 15 minutes later on; a job",
            "that ends may make room. If there is none by the time above, the request is given up,",
            "and a mail says so.",
            "",
            *how_to_raise(quota),
            "",
            "To see what waits and what runs:",
            "",
            "  headrace lanes",
        ),
        detail={
            "pipeline": pipeline,
            "request": request,
            "reason": error,
            "quota": quota.name if quota else None,
            "limit": quota.limit if quota else None,
            "instance_type": quota.instance_type if quota else None,
            "because": because,
            "time": iso(at),
            "until": iso(until),
        },
    )
