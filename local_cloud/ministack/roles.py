"""Roles that AWS services assume: their sessions, and the permissions they need."""

from __future__ import annotations

import hashlib
import threading
from typing import Any

import boto3
from botocore.config import Config
from ministack import app
from ministack.core import iam_evaluator
from ministack.core.responses import get_region
from ministack.services import sts

# A task waits as long as Step Functions would; it retries by its own policy only.
_CONFIG = Config(
    retries={"total_max_attempts": 1},
    read_timeout=900,
    parameter_validation=True,
    max_pool_connections=50,
)
_clients: dict[tuple[str, str, str], Any] = {}
_lock = threading.Lock()


class Refused(Exception):
    """IAM denies a role an action that a service would take in its name."""


def require(
    role_arn: str,
    session_name: str,
    action: str,
    resource: str,
    context: dict[str, Any] | None = None,
) -> None:
    """Ask IAM about what a service does in a role's name without a request; raises Refused."""
    if not app.AUTH:
        return
    key = credentials(role_arn, session_name)["aws_access_key_id"]
    denied = iam_evaluator.enforce(
        key,
        action,
        action.partition(":")[0],
        get_region(),
        resource_arn=resource,
        service_context=context,
    )
    if denied is not None:
        who = getattr(denied, "principal_arn", role_arn)
        raise Refused(
            f"User: {who} is not authorized to perform: {action} on resource: {resource} because "
            f"no identity-based policy allows the {action} action"
        )


def client(service: str, role_arn: str, session_name: str) -> Any:
    """A client that acts as the role, over HTTP, so that IAM is enforced."""
    region = get_region()
    key = (service, role_arn, region)
    with _lock:
        if key not in _clients:
            session = boto3.Session(region_name=region, **credentials(role_arn, session_name))
            _clients[key] = session.client(service, config=_CONFIG)
        return _clients[key]


def credentials(role_arn: str, session_name: str) -> dict[str, str]:
    """Temporary keys of the role, the same ones as long as this process lives."""
    account, role_name = role_arn.split(":")[4], role_arn.rsplit("/", 1)[-1]
    digest = hashlib.sha256(f"{role_arn}/{session_name}".encode()).hexdigest()
    keys = {
        "aws_access_key_id": f"ASIA{digest[:16].upper()}",
        "aws_secret_access_key": hashlib.sha256(f"secret {digest}".encode()).hexdigest(),
        "aws_session_token": hashlib.sha256(f"token {digest}".encode()).hexdigest(),
    }
    sts.register_session(
        keys["aws_access_key_id"],
        {
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role_name}/{session_name[:64]}",
            "UserId": f"{role_name}:{session_name[:64]}",
            "SecretAccessKey": keys["aws_secret_access_key"],
            "SessionToken": keys["aws_session_token"],
        },
    )
    return keys
