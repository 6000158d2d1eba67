"""SageMaker: what a processing job sees of a manifest, and what one that fails leaves behind."""

from __future__ import annotations

import json
import os
from typing import Any

from tests.conformance.account import Account
from tests.conformance.fact import fact
from tests.conformance.facts.steps import definition, processing

DEVELOPER_GUIDE = "https://docs.aws.amazon.com/sagemaker/latest/dg"
DATA = "/opt/ml/processing/input/data"
OUTPUT = "/opt/ml/processing/output"
MADE = "a pipeline with one run, a role, a bucket, a processing job on ml.t3.medium"
# One line each: an entry point's member has no line breaks.
LIST = "; ".join(
    (
        "import pathlib",
        f"data = pathlib.Path('{DATA}')",
        "found = sorted(str(p.relative_to(data)) for p in data.rglob('*') if p.is_file())",
        "pathlib.Path('/opt/ml/output/message').write_text(' '.join(found))",
    )
)
FAIL = "; ".join(
    (
        "import pathlib, sys",
        f"pathlib.Path('{OUTPUT}/half.txt').write_text('half')",
        "pathlib.Path('/opt/ml/output/message').write_text('row 7 is bad')",
        "sys.exit(1)",
    )
)


def _image(account: Account) -> str:
    """Return the scikit-learn image of the account's region."""
    os.environ.setdefault("AWS_DEFAULT_REGION", account.session.region_name)  # the SDK asks for it
    from sagemaker.core import image_uris

    return str(
        image_uris.retrieve(
            "sklearn", account.session.region_name, version="1.4-2", py_version="py3",
            instance_type="ml.m5.large",
        )
    )  # fmt: skip


def _run(account: Account, purpose: str, program: str, **more: Any) -> dict[str, Any]:
    """Run a pipeline of one job; return the job's description."""
    step = processing("Job", account.role(), _image(account), program, **more)
    run = account.run(account.pipeline(purpose, definition(step)))
    found = account.steps(run)["Job"]
    metadata = found.get("Metadata", {}).get("ProcessingJob")
    if metadata is None:
        raise RuntimeError(f"the job was not made: {found.get('FailureReason')}")
    asked: dict[str, Any] = account.client("sagemaker").describe_processing_job(
        ProcessingJobName=metadata["Arn"].rpartition("/")[2]
    )
    return asked


@fact(
    "Where File mode puts an entry of a manifest: relative to the manifest's prefix, or under its "
    "whole key. The manifest itself is not put there",
    "https://github.com/aws/sagemaker-python-sdk/issues/723 against "
    "https://github.com/arnavnair220/edge-ml-flywheel",
    "2026/a.csv",
    "drops/2026/a.csv",
    switch="manifest_paths",
    creates=MADE,
    minutes=6,
    dollars=0.02,
)
def files_of_a_manifest(account: Account) -> str:
    bucket, s3 = account.bucket(), account.client("s3")
    s3.put_object(Bucket=bucket, Key="drops/2026/a.csv", Body=b"1\n")
    manifest = [{"prefix": f"s3://{bucket}/drops/"}, "2026/a.csv"]
    s3.put_object(Bucket=bucket, Key="drops/all.manifest", Body=json.dumps(manifest).encode())
    given = {
        "S3Uri": f"s3://{bucket}/drops/all.manifest",
        "LocalPath": DATA,
        "S3DataType": "ManifestFile",
        "S3InputMode": "File",
        "S3DataDistributionType": "FullyReplicated",
    }
    job = _run(
        account, "manifest", LIST, ProcessingInputs=[{"InputName": "data", "S3Input": given}]
    )
    return str(job.get("ExitMessage"))


def _failing(account: Account) -> dict[str, Any]:
    def run() -> dict[str, Any]:
        to = {
            "S3Uri": f"s3://{account.bucket()}/failed/",
            "LocalPath": OUTPUT,
            "S3UploadMode": "EndOfJob",
        }
        outputs = {"Outputs": [{"OutputName": "half", "S3Output": to}]}
        return _run(account, "failing", FAIL, ProcessingOutputConfig=outputs)

    return account.once("failing job", run)


@fact(
    "A processing job that exits with an error keeps its exit message",
    f"{DEVELOPER_GUIDE}/build-your-own-processing-container.html",
    "row 7 is bad",
    creates=MADE,
    minutes=6,
    dollars=0.02,
)
def exit_message_of_a_failed_job(account: Account) -> str:
    return str(_failing(account).get("ExitMessage"))


@fact(
    "Outputs for the end of a job are not uploaded when it fails",
    "https://github.com/aws/sagemaker-python-sdk/issues/1339",
    "nothing",
    creates=MADE,
    minutes=6,
    dollars=0.02,
)
def outputs_of_a_failed_job(account: Account) -> str:
    _failing(account)
    s3 = account.client("s3")
    found = s3.list_objects_v2(Bucket=account.bucket(), Prefix="failed/").get("Contents", [])
    return " ".join(item["Key"] for item in found) or "nothing"
