"""What people read about versions of a model: what waits for them, what is live, what is not."""

from headrace.facts import ModelPackage
from headrace.four_eyes import person
from headrace.message import Message, lines

_WITH_REFERENCE = "--customer-metadata-properties review_board_reference=REFERENCE"


def registered(project: str, package: ModelPackage, metric: str, live: str) -> Message:
    """A version waits for approval; `metric` and `live` say its quality and the live one's."""
    facts = [f"Metric    {metric}", f"Live now  {live}"]
    review = ""
    if package.kind != "training":
        review = f" \\\n    {_WITH_REFERENCE}"
    return Message(
        kind="model-registered",
        project=project,
        subject=f"{project}: version {package.version} ({package.kind}) waits for your approval",
        text=lines(
            f"Version {package.version} of {package.group} was registered by {package.kind}.",
            "",
            *facts,
            f"Report    {package.evaluation_uri}",
            f"Run       {package.metadata.get('run', 'unknown')}",
            "",
            "To approve it"
            + (" (a retuned model needs the review board's reference):" if review else ":"),
            "",
            "  aws sagemaker update-model-package \\",
            f"    --model-package-arn {package.arn} \\",
            f"    --model-approval-status Approved{review}",
            "",
            "Once approved, CI puts exactly this version into the inference pipeline.",
        ),
        detail={"model_package_arn": package.arn, "model_kind": package.kind, "metric": metric},
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
            "It is back to PendingManualApproval and did not go live.",
            "",
            "When the board has agreed, approve it together with the board's reference:",
            "",
            "  aws sagemaker update-model-package \\",
            f"    --model-package-arn {package.arn} \\",
            "    --model-approval-status Approved \\",
            f"    {_WITH_REFERENCE}",
        ),
        detail={"model_package_arn": package.arn, "missing": "review_board_reference"},
    )


def own_approval(project: str, package: ModelPackage, reason: str) -> Message:
    """An approval without a second pair of eyes went back to pending."""
    starters = ", ".join(dict.fromkeys(map(person, package.started_by or ())))
    who = f"anybody but {starters}" if starters else "nobody; train it anew"
    return Message(
        kind="own-approval",
        project=project,
        subject=f"{project}: version {package.version} needs another person's approval",
        text=lines(
            f"Version {package.version} of {package.group} was approved, but {reason}.",
            "It is back to PendingManualApproval and did not go live: this project asks for four",
            "eyes (approval.four_eyes).",
            "",
            f"May approve  {who}",
            f"Run          {package.metadata.get('run', 'unknown')}",
            "",
            "  aws sagemaker update-model-package \\",
            f"    --model-package-arn {package.arn} \\",
            "    --model-approval-status Approved",
        ),
        detail={
            "model_package_arn": package.arn,
            "reason": reason,
            "approver": package.modified_by,
            "started_by": list(package.started_by or ()),
        },
    )


def live(project: str, arn: str, detail: str) -> Message:
    """A version is in the inference pipeline."""
    version = arn.rsplit("/", 1)[-1]
    return Message(
        kind="model-live",
        project=project,
        subject=f"{project}: version {version} is live",
        text=lines(
            f"The inference pipeline now uses exactly {arn}:",
            "its artefact, its preprocessor and its data-quality baseline.",
            "",
            f"CI pipeline {detail}",
        ),
        detail={"model_package_arn": arn, "ci_pipeline": detail},
    )


def refresh_failed(project: str, arn: str, detail: str) -> Message:
    """CI did not bring an approved version into the inference pipeline."""
    version = arn.rsplit("/", 1)[-1]
    return Message(
        kind="refresh-failed",
        project=project,
        subject=f"{project}: version {version} is approved but could not go live",
        text=lines(
            f"The inference pipeline was not refreshed with {arn};",
            "what was live before is still live.",
            "",
            f"Reason  {detail}",
            "",
            "When the reason is mended, approve the version again, or run the job by hand:",
            "",
            f"  python -m pipeline_specs refresh {project} --model-package-arn {arn}",
        ),
        detail={"model_package_arn": arn, "reason": detail},
    )


def nothing_approved(project: str, arn: str) -> Message:
    """The live version was rejected and there is no other to go back to."""
    return Message(
        kind="rollback-impossible",
        project=project,
        subject=f"{project}: the live version was rejected and no other is approved",
        text=lines(
            f"{arn} was rejected while it is live, and no other version of its group is",
            "approved. It stays in the inference pipeline until another version is approved.",
        ),
        detail={"model_package_arn": arn},
    )


def live_version_gone(project: str, arn: str) -> Message:
    """The live version was deleted from the registry."""
    return Message(
        kind="live-version-gone",
        project=project,
        subject=f"{project}: the live version was deleted from the registry",
        text=lines(
            f"{arn} is live and is not in the registry any more.",
            "Scoring goes on with its artefact while that exists, but nothing says any more who",
            "approved it. Approve another version, which then goes live:",
            "",
            "  aws sagemaker list-model-packages --sort-by CreationTime \\",
            f"    --model-package-group-name {arn.rsplit('/', 2)[-2]}",
        ),
        detail={"model_package_arn": arn},
    )


def approval_overdue(project: str, arn: str, days: int) -> Message:
    """A version has waited for its approval for days."""
    version = arn.rsplit("/", 1)[-1]
    return Message(
        kind="approval-overdue",
        project=project,
        subject=f"{project}: version {version} has waited {days} days for your approval",
        text=lines(
            f"{arn}",
            f"has been PendingManualApproval for {days} days. To look at it, and then approve or",
            "reject it:",
            "",
            f"  aws sagemaker describe-model-package --model-package-name {arn}",
            "",
            "  aws sagemaker update-model-package --model-approval-status Approved|Rejected \\",
            f"    --model-package-arn {arn}",
        ),
        detail={"model_package_arn": arn, "days": days},
    )
