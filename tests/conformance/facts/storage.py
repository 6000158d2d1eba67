"""S3: encryption."""

from __future__ import annotations

from tests.conformance.account import Account
from tests.conformance.fact import answer, fact


@fact(
    "aws:kms without a key uses the account's key aws/s3",
    "https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html",
    "accepted",
    creates="a bucket with an object",
)
def object_encrypted_without_naming_a_key(account: Account) -> str:
    bucket, s3 = account.bucket(), account.client("s3")
    return answer(
        lambda: s3.put_object(
            Bucket=bucket, Key="encrypted", Body=b"1", ServerSideEncryption="aws:kms"
        )
    )
