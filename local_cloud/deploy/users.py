"""Users of the laptop cloud and their keys."""

from __future__ import annotations

import json
from typing import Any

import boto3

from local_cloud.ministack.settings import REGION

EVERYTHING: dict[str, Any] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


class EndpointSession(boto3.Session):  # type: ignore[misc]
    """A session whose clients talk to one endpoint only, whatever the shell's profile says."""

    def __init__(
        self,
        endpoint_url: str,
        access_key_id: str,
        secret_access_key: str,
        session_token: str | None = None,
    ) -> None:
        super().__init__(
            aws_access_key_id=access_key_id,
            aws_secret_access_key=secret_access_key,
            aws_session_token=session_token,
            region_name=REGION,
        )
        self.endpoint_url = endpoint_url

    def client(self, *args: Any, **kwargs: Any) -> Any:
        return super().client(*args, **{"endpoint_url": self.endpoint_url, **kwargs})

    def resource(self, *args: Any, **kwargs: Any) -> Any:
        return super().resource(*args, **{"endpoint_url": self.endpoint_url, **kwargs})


def ensure_user(root: boto3.Session, name: str, policy: dict[str, Any]) -> tuple[str, str]:
    """A user with this policy and fresh keys: `(access key id, secret)`.

    Keys live as long as one run of the cloud: those of the run before are deleted.
    """
    iam = root.client("iam")
    if not any(user["UserName"] == name for user in iam.list_users()["Users"]):
        iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=json.dumps(policy))
    for old in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=name, AccessKeyId=old["AccessKeyId"])
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]
