"""A message of each kind as people and machines get it, so that a change of words shows as a diff.

    .venv/project/bin/python -m tests.headrace.golden_messages

writes the files anew; read the diff, as somebody who was woken by it, before you commit it.
"""

import json
from pathlib import Path
from typing import Any

from headrace.domain.events import LiveDiffers
from headrace.domain.message import Message
from headrace.domain.people import Starters
from headrace.domain.quality import Verdict
from headrace.domain.quota import quota_in
from headrace.notifications import (
    live_messages,
    quota_messages,
    run_messages,
    stack_messages,
    version_messages,
)
from headrace.notifications.format import ReportedRun

from tests.headrace.samples import INFERENCE, NOW, RUN, TRAINING, package

FOLDER = Path(__file__).parent / "golden"
RESULTS = "s3://headrace-databucket-1a2b3c/abalone/runs/9v2kq0x4w7ab"
TRAINED = RUN.replace(INFERENCE, TRAINING)
ADA = "arn:aws:sts::123456789012:assumed-role/Scientist/ada@example.com"
DROP = "upload of 2 files: monday.csv, tuesday.csv"
VERDICT = Verdict("mse", 16.0834, 10.0, passed=False, rows=1200)
SCORED = ReportedRun(INFERENCE, RUN, NOW, DROP, NOW - 725)
STEP = ReportedRun(INFERENCE, RUN, NOW)
FIRST = package(1, metadata={"kind": "training", "run": TRAINED})
UNKNOWN = FIRST._replace(started_by=Starters((), known=False))
RETUNED = package(2, metadata={"kind": "training-hpo", "run": TRAINED})
OWN = package(
    3,
    modified_by=ADA,
    started_by=Starters((ADA,), known=True),
    metadata={"kind": "training", "run": TRAINED},
)
NUMBERS = {"metric": "mse", "value": 6.0912, "threshold": 10.0}
LAMBDA_SAID = json.dumps({"errorMessage": "abalone: role was not found", "errorType": "Permanent"})
CI = "https://gitlab.example.com/data-science/headrace/-/pipelines/71"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:GitLabSecret-1a2b3c"
LIMIT_SAID = (
    "sagemaker start_pipeline_execution: The account-level service limit 'ml.m5.xlarge for "
    "training job usage' is 2 Instances, with current utilization of 2 Instances and a request "
    "delta of 1 Instances. Please use AWS Service Quotas to request an increase for this quota."
)
REFUSED = json.dumps({"source": "headrace", "detail-type": "Run Requested", "detail": {"id": "1"}})
NO_PIPELINE = (
    "no project has a pipeline named headrace-pearls-training; "
    "run `headrace pipelines upsert PROJECT`"
)
PIPELINE = f"arn:aws:sagemaker:eu-west-1:123456789012:pipeline/{INFERENCE}"
ARTEFACTS = "s3://headrace-databucket-1a2b3c/abalone/runs"
DIFFERS = LiveDiffers(
    group="headrace-abalone",
    arn=FIRST.arn,
    artefact=f"{ARTEFACTS}/3k1m/model.tar.gz",
    pipeline_arn=PIPELINE,
    found=RETUNED.arn,
    found_artefact=f"{ARTEFACTS}/8w2p/model.tar.gz",
    changed=int(NOW - 3000),
    time=NOW,
)
VIOLATIONS = [
    {
        "feature_name": f"feature_{number}",
        "constraint_check_type": "baseline_drift_check",
        "description": f"Baseline drift distance: 0.{number + 31} exceeds threshold: 0.1",
    }
    for number in range(12)
]


def changed(
    status: str, *causes: str, failed: dict[str, Any] | None = None, **more: Any
) -> Message:
    steps = [failed] if failed else []
    return run_messages.run_changed("abalone", status, SCORED, list(causes), steps, **more)


def not_started(waits: bool) -> Message:
    return run_messages.run_not_started(
        "abalone", TRAINING, "upload-1", LAMBDA_SAID, because=DROP, at=NOW, waits=waits
    )


CASES: dict[str, Message] = {
    "run-succeeded": changed("Succeeded", predictions=f"{RESULTS}/predictions/"),
    "run-failed": changed(
        "Failed",
        "Step Preprocess failed: monday.csv row 7 column length: found 'abc', want a number",
        headline="step Preprocess",
        failed={
            "step": "Preprocess",
            "reason": "monday.csv row 7 column length: found 'abc', want a number",
        },
    ),
    "run-stopped": changed("Stopped"),
    "run-stopping": changed("Stopping"),
    "run-executing, with custom text": run_messages.with_custom_text(
        changed("Executing"), "The nightly scoring has begun; results by six."
    ),
    "run-not-started, over": not_started(waits=False),
    "run-not-started, waits": not_started(waits=True),
    "step-status": run_messages.step_changed("abalone", "Train", "Failed", "CapacityError", STEP),
    "threshold-missed": changed(
        "Failed",
        f"Step ModelQuality failed because the metric missed its threshold: {VERDICT}.",
        "Predictions were made; check them before you rely on them. Retuning starts",
        "automatically, or a mail says why the project's policy declined it.",
        headline="mse 16.08 missed 10",
        missed=True,
        failed={"step": "ModelQuality", **run_messages.verdict_values(VERDICT)},
    ),
    "retune-declined": run_messages.retune_declined(
        "abalone",
        RUN,
        VERDICT,
        "the last one was 3.0 hours ago and the project's cool-down is 24 hours; the next may "
        "start in 21.0 hours",
        NOW,
    ),
    "data-quality": run_messages.drift(
        "abalone", STEP, f"{RESULTS}/data-quality/constraint_violations.json", VIOLATIONS
    ),
    "file-not-taken": run_messages.not_taken(
        "abalone",
        "abalone/training/data/raw/heavy.csv.bak",
        "its name does not end with .csv (and 2 more files with it)",
    ),
    "drop-waits": run_messages.waits_for_model(
        "abalone", "headrace-abalone", "upload-1", ("monday.csv", "tuesday.csv"), 2, NOW
    ),
    "model-registered": version_messages.registered(
        "abalone", FIRST, "mse 6.091, threshold 10.0", "nothing yet", {**NUMBERS, "live": None}
    ),
    "model-registered, retuned, four eyes": version_messages.registered(
        "abalone",
        RETUNED,
        "mse 6.091, threshold 10.0",
        "version 1, mse 6.4",
        {**NUMBERS, "live": {"model_package_arn": FIRST.arn, "value": 6.4}},
        four_eyes=True,
    ),
    "approval-overdue": version_messages.approval_overdue("abalone", FIRST.arn, 3, 72.0, NOW),
    "review-missing": version_messages.review_missing("abalone", RETUNED),
    "own-approval": version_messages.own_approval("abalone", OWN, OWN.lacks_second_person),
    "own-approval, starter unknown": version_messages.own_approval(
        "abalone", UNKNOWN, UNKNOWN.lacks_second_person
    ),
    "model-registered, four eyes, starter unknown": version_messages.registered(
        "abalone",
        UNKNOWN,
        "mse 6.091, threshold 10.0",
        "nothing yet",
        {**NUMBERS, "live": None},
        four_eyes=True,
    ),
    "model-live": version_messages.live("abalone", FIRST.arn, CI, NOW),
    "refresh-failed": version_messages.refresh_failed(
        "abalone", FIRST.arn, f"CI pipeline {CI} is failed; failed: refresh", NOW
    ),
    "quota-reached": quota_messages.run_waits_for_quota(
        *("abalone", TRAINING, "upload-1", LIMIT_SAID, quota_in(LIMIT_SAID)),
        because=DROP,
        at=NOW,
        until=NOW + 86400,
    ),
    "event-refused": stack_messages.event_refused(
        "abalone", stack_messages.INBOX, "5c8c7bd1-2f1e", REFUSED, NO_PIPELINE, NOW
    ),
    "gitlab-token-ends": version_messages.gitlab_token_ends(
        "abalone", "2026-11-15", 14, SECRET, NOW
    ),
    "gitlab-token-ends, refused": version_messages.gitlab_token_ends("abalone", "", 0, SECRET, NOW),
    "rollback-impossible": version_messages.nothing_approved("abalone", FIRST.arn, NOW),
    "live-differs": live_messages.differs("abalone", INFERENCE, DIFFERS),
    "live-differs, another artefact": live_messages.differs(
        "abalone", INFERENCE, DIFFERS._replace(found=FIRST.arn)
    ),
    "live-differs, in the account of another registry": live_messages.differs(
        "abalone", INFERENCE, DIFFERS._replace(pipeline_arn=PIPELINE.replace("1234", "9999"))
    ),
    "live-differs, no pipeline": live_messages.differs(
        "abalone",
        INFERENCE,
        DIFFERS._replace(pipeline_arn="", found="", found_artefact="", changed=0),
    ),
    "live-version-gone": version_messages.live_version_gone("abalone", FIRST.arn, NOW),
}


def path(case: str) -> Path:
    return FOLDER / f"{case.replace(', ', '-').replace(' ', '-')}.txt"


def shown(message: Message) -> str:
    """A message as its reader and as machines get it."""
    values = json.dumps(message.values(), indent=2)
    return f"Subject: {message.subject_line}\n\n{message.text}\n--- for machines\n{values}\n"


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.txt"):
        old.unlink()
    for case, message in CASES.items():
        path(case).write_text(shown(message), "utf-8")
        print(path(case))


if __name__ == "__main__":
    main()
