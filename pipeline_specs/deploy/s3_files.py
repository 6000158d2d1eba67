"""Uploads files to S3 unless they exist."""

from typing import Any

from botocore.exceptions import ClientError
from headrace.adapters.client import from_aws

from pipeline_specs.pipelines.bundles import Bundle

# Without s3:ListBucket S3 answers 403 for a key that does not exist.
NOT_THERE = (403, 404)


def encryption(kms_key: str | None) -> dict[str, str]:
    """Return the arguments that encrypt an object with the project's own key."""
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}


def upload(s3: Any, bucket: str, prefix: str, bundle: Bundle, kms_key: str | None) -> int:
    """Upload the files of a bundle that do not exist yet; return how many were written."""
    written = 0
    for name, content in bundle.files:
        key = bundle.folder(prefix) + name
        try:
            if _is_there(s3, bucket, key):
                continue
            s3.put_object(Bucket=bucket, Key=key, Body=content, **encryption(kms_key))
        except ClientError as error:
            raise from_aws(error, f"uploading s3://{bucket}/{key}") from error
        written += 1
    return written


def _is_there(s3: Any, bucket: str, key: str) -> bool:
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in NOT_THERE:
            return False
        raise
    return True
