"""What people read about model versions: waiting for approval, live, or not live."""

from typing import Any

from headrace.domain.events import execution_id_of
from headrace.domain.message import Message
from headrace.domain.model_version import ModelPackage
from headrace.domain.people import Starters, person
from headrace.notifications.format import detail_lines, in_studio, iso, lines, when
from headrace.notifications.run_messages import plain

_WITH_REFERENCE = "--customer-metadata-properties review_board_reference=REFERENCE"


def registered(
    project: str,
    package: ModelPackage,
    metric: str,
    live: str,
    values: dict[str, Any],
    *,
    four_eyes: bool = False,
) -> Message:
    """A version waits for approval; `metric` and `live` describe its quality and the live one's.

    `values` holds the same for machines.
    """
    run = package.metadata.get("run", "")
    nobody = package.started_by is not None and not package.started_by.known
    approver = "nobody" if nobody else "anybody but the person who started the run"
    asks = "a retuned model needs the review board's reference; " if package.lacks_review else ""
    return Message(
        kind="model-registered",
        project=project,
        subject=f"{project}: version {package.version} ({package.kind}) "
        + ("cannot be approved" if nobody else "waits for your approval"),
        text=lines(
            f"Version {package.version} of {package.group} was registered by {package.kind}.",
            "",
            *detail_lines(
                metric=metric,
                live_now=live,
                registered=when(package.created),
                report=package.evaluation_uri,
                run=run or "unknown",
                approver=approver if four_eyes else "",
            ),
            "",
            *(
                _starter_unknown(project, package)
                if nobody
                else (
                    f"To approve it ({asks}use Rejected to reject it):",
                    "",
                    *_approve(package.arn, board=package.lacks_review),
                    "",
                    "Once approved, CI puts exactly this version into the inference pipeline.",
                )
            ),
            "",
            *in_studio(run),
        ),
        detail={**_version(package), **values, "report": package.evaluation_uri},
    )


def review_missing(project: str, package: ModelPackage) -> Message:
    """A retuned version was approved without the board's reference and went back to pending."""
    by = f" by {package.modified_by}" if package.modified_by else ""
    return Message(
        kind="review-missing",
        project=project,
        subject=f"{project}: version {package.version} needs the review board's reference",
        text=lines(
            f"Version {package.version} of {package.group} was approved{by}, but it was retuned",
            f"(kind {package.kind or 'unknown'}) and has no review_board_reference.",
            "The version is back to PendingManualApproval and did not go live.",
            "",
            *detail_lines(
                approved=when(package.modified), run=package.metadata.get("run", "unknown")
            ),
            "",
            "When the board has agreed, approve it together with the board's reference:",
            "",
            *_approve(package.arn, board=True),
        ),
        detail={
            **_version(package),
            "missing": "review_board_reference",
            "approver": package.modified_by,
            "time": iso(package.modified),
        },
    )


def own_approval(project: str, package: ModelPackage, reason: str) -> Message:
    """An approval without a second pair of eyes went back to pending."""
    started_by = package.started_by or Starters((), known=False)
    starters = ", ".join(dict.fromkeys(map(person, started_by.people)))
    others = f"anybody but {starters}" if started_by.known else "nobody"
    return Message(
        kind="own-approval",
        project=project,
        subject=f"{project}: version {package.version} "
        + ("needs another person's approval" if started_by.known else "cannot be approved"),
        text=lines(
            f"Version {package.version} of {package.group} was approved, but {reason}.",
            "The version is back to PendingManualApproval and did not go live: this project",
            "requires four eyes (approval.four_eyes in its project.yaml).",
            "",
            *detail_lines(
                may_approve=others,
                approved=when(package.modified),
                run=package.metadata.get("run", "unknown"),
            ),
            "",
            *(_approve_as_a_person(package) if started_by.known else ()),
            *(() if started_by.known else _starter_unknown(project, package)),
        ),
        detail={
            **_version(package),
            "reason": reason,
            "approver": package.modified_by,
            "started_by": list(started_by.people),
            "time": iso(package.modified),
        },
    )


def live(project: str, arn: str, detail: str, at: float) -> Message:
    """A version is in the inference pipeline."""
    version = execution_id_of(arn)
    return Message(
        kind="model-live",
        project=project,
        subject=f"{project}: version {version} is live",
        text=lines(
            f"The inference pipeline now uses exactly {arn}:",
            "its artefact, its preprocessor and its data-quality baseline.",
            "",
            *detail_lines(since=when(at), CI_pipeline=detail),
            "",
            f"To roll back to the newest other approved version, reject version {version}:",
            "",
            *_approve(arn, verdict="Rejected"),
        ),
        detail={"model_package_arn": arn, "ci_pipeline": detail, "time": iso(at)},
    )


def refresh_failed(project: str, arn: str, detail: str, at: float) -> Message:
    """CI failed to put an approved version into the inference pipeline."""
    version = execution_id_of(arn)
    return Message(
        kind="refresh-failed",
        project=project,
        subject=f"{project}: version {version} is approved but could not go live",
        text=lines(
            f"The inference pipeline was not refreshed with {arn};",
            "the version that was live before is still live.",
            "",
            *detail_lines(reason=plain(detail), at=when(at)),
            "",
            "Once the problem is fixed, approve the version again, or run the job by hand:",
            "",
            f"  headrace pipelines refresh {project} --model-package-arn {arn}",
        ),
        detail={"model_package_arn": arn, "reason": detail, "time": iso(at)},
    )


def gitlab_token_ends(
    project: str, expires: str, within_days: int, secret_arn: str, at: float
) -> Message:
    """GitLab's API token expires within some days, or GitLab refuses it: `expires` is empty."""
    if expires:
        ends = f"expires on {expires}, within {within_days} day{'s' * (within_days > 1)}"
        then = f"From {expires} on"
    else:
        ends, then = "is refused: it expired or was revoked", "Until there is a new one"
    return Message(
        kind="gitlab-token-ends",
        project=project,
        subject=f"{project}: GitLab's API token {ends.partition(':')[0]}",
        text=lines(
            f"The API token with which Headrace reads GitLab {ends}.",
            f"{then}, no approved version goes live.",
            "",
            *detail_lines(secret=secret_arn, at=when(at)),
            "",
            "Create a project access token with the scope read_api in GitLab (Settings, Access",
            "tokens). Then put both tokens into the secret. The command waits for the trigger",
            "token and Return, then for the API token and Return; it shows neither:",
            "",
            "  read -rs TRIGGER && read -rs API &&",
            """  printf '{"trigger_token": "%s", "api_token": "%s"}' "$TRIGGER" "$API" |""",
            f"  aws secretsmanager put-secret-value --secret-id {secret_arn} \\",
            "    --secret-string file:///dev/stdin",
        ),
        detail={
            **({"expires": expires, "within_days": within_days} if expires else {}),
            "refused": not expires,
            "secret_arn": secret_arn,
            "time": iso(at),
        },
    )


def nothing_approved(project: str, arn: str, at: float) -> Message:
    """The live version was rejected and there is no other to roll back to."""
    return Message(
        kind="rollback-impossible",
        project=project,
        subject=f"{project}: the live version was rejected and no other is approved",
        text=lines(
            f"{arn} was rejected while it is live, and no other version of its group is",
            "approved. The rejected version stays in the inference pipeline until then.",
            "",
            *detail_lines(since=when(at)),
            "",
            *_versions(arn),
        ),
        detail={"model_package_arn": arn, "time": iso(at)},
    )


def live_version_gone(project: str, arn: str, at: float) -> Message:
    """The live version was deleted from the registry."""
    return Message(
        kind="live-version-gone",
        project=project,
        subject=f"{project}: the live version was deleted from the registry",
        text=lines(
            f"{arn} is live but no longer in the registry.",
            "Scoring continues while the version's artefact exists, but the record of its approval",
            "is lost. Approve another version, which then goes live.",
            "",
            *detail_lines(noticed=when(at), cause="CloudTrail shows who called DeleteModelPackage"),
            "",
            *_versions(arn),
        ),
        detail={"model_package_arn": arn, "time": iso(at)},
    )


def approval_overdue(project: str, arn: str, days: int, limit_hours: float, at: float) -> Message:
    """A version has waited for its approval for days, longer than the project's limit."""
    version = execution_id_of(arn)
    return Message(
        kind="approval-overdue",
        project=project,
        subject=f"{project}: version {version} has waited {days} days for your approval",
        text=lines(
            f"{arn}",
            f"has been PendingManualApproval for {days} days; reminders are sent every",
            f"{limit_hours:g} hours (approval.remind_after_hours). To look at the version and then",
            "approve or reject it:",
            "",
            f"  aws sagemaker describe-model-package --model-package-name {arn}",
            "",
            *_approve(arn, verdict="Approved|Rejected"),
        ),
        detail={
            "model_package_arn": arn,
            "days": days,
            "limit_hours": limit_hours,
            "time": iso(at),
        },
    )


def _approve(arn: str, *, verdict: str = "Approved", board: bool = False) -> tuple[str, ...]:
    """Return the command that approves a version, with a place for the board's reference."""
    review = (f"    --model-approval-status {verdict} \\", f"    {_WITH_REFERENCE}")
    return (
        "  aws sagemaker update-model-package \\",
        f"    --model-package-arn {arn} \\",
        *(review if board else (f"    --model-approval-status {verdict}",)),
    )


def _approve_as_a_person(package: ModelPackage) -> tuple[str, ...]:
    """Return the command that approves a version, and as whom where the registry did not say."""
    named = (
        "Approve it as an IAM user, with the session of a role that bears a person's name, or in",
        "Studio: an approval counts only if the registry says who gave it.",
        "",
    )
    command = _approve(package.arn, board=package.lacks_review)
    return command if package.modified_by else (*named, *command)


def _starter_unknown(project: str, package: ModelPackage) -> tuple[str, ...]:
    """Return what to do with a version that nobody can approve under four eyes."""
    kind = package.kind if package.kind in ("training", "training-hpo") else "training"
    return (
        "Nobody can approve this version: neither the ledger nor SageMaker says who started its",
        "run, so that four eyes cannot be shown. Have Headrace start the run again, which writes",
        "down who asked for it, and approve the version that the new run registers:",
        "",
        f"  headrace pipelines start {project} {kind}",
        "",
        "To reject this version, so that it waits for nobody:",
        "",
        *_approve(package.arn, verdict="Rejected"),
    )


def _versions(arn: str) -> tuple[str, ...]:
    return (
        "To see the other versions:",
        "",
        "  aws sagemaker list-model-packages --sort-by CreationTime --sort-order Descending \\",
        f"    --model-package-group-name {arn.rsplit('/', 2)[-2]}",
    )


def _version(package: ModelPackage) -> dict[str, Any]:
    """Return the fields of a version for machines."""
    return {
        "model_package_arn": package.arn,
        "group": package.group,
        "version": package.version,
        "model_kind": package.kind,
        "run": package.metadata.get("run", ""),
        "registered": iso(package.created),
    }
