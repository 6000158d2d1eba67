"""What the API needs from the rest of the cloud: callers, EventBridge, S3, STS, IAM and Logs."""

from __future__ import annotations

import json
import logging
import threading
import time
import urllib.request
from functools import partial
from queue import SimpleQueue
from typing import Any

import boto3
from botocore.exceptions import ClientError
from ministack import app
from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.core.router import extract_access_key_id
from ministack.services import eventbridge, s3

from local_cloud.ministack.roles import credentials
from local_cloud.sagemaker.core.authorization import SESSION_NAME
from local_cloud.sagemaker.core.errors import ApiError, invalid
from local_cloud.sagemaker.core.events import Event

LOGGER = logging.getLogger(__name__)
PRINCIPAL = "sagemaker.amazonaws.com"
LINE_BYTES = 250_000  # below the 256 KiB that CloudWatch Logs takes in one event
BATCH_LINES = 1000


def here() -> tuple[str, str]:
    """The account and region of the current request, or the defaults."""
    return get_account_id(), get_region()


class Scoped:
    """Wraps an object so that its methods run for an account and region, outside of a request."""

    def __init__(self, inner: Any, account_id: str, region: str) -> None:
        self._inner, self._place = inner, (account_id, region)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        def scoped(*arguments: Any, **named: Any) -> Any:
            with request_scope(*self._place):
                return method(*arguments, **named)

        return scoped


def access_key(headers: dict[str, str], query: dict[str, Any]) -> str:
    """The access key a request was signed with."""
    return str(extract_access_key_id(headers, query) or "")


def identity(key: str) -> dict[str, str]:
    """The caller as SageMaker's IamIdentity; without a known key it is the account's root."""
    caller = iam_evaluator.resolve_caller_identity(key)
    if caller is None:
        account = get_account_id()
        return {"Arn": f"arn:aws:iam::{account}:root", "PrincipalId": account}
    return {"Arn": caller["userArn"], "PrincipalId": caller["userId"]}


def read_object(bucket: str, key: str, version: str | None) -> bytes:
    """An object of the local S3, or SageMaker's ValidationException."""
    body = s3._get_object_data(bucket, key, version)
    if body is None:
        raise invalid(f"Unable to read s3://{bucket}/{key}: no such object")
    return bytes(body)


class Publisher:
    """Puts events on the default bus from a thread of its own, in the order they were given.

    A target may take its time, or call SageMaker in turn: neither may happen under our lock.
    """

    def __init__(self) -> None:
        self._queue: SimpleQueue[partial[None] | threading.Event] = SimpleQueue()
        self._open = threading.Event()
        self._open.set()
        threading.Thread(target=self._run, name="sagemaker-events", daemon=True).start()

    def publish(self, account_id: str, region: str, event: Event) -> None:
        """Queue one event; returns at once."""
        self._queue.put(partial(_put, account_id, region, event))

    def hold(self) -> None:
        """Hold back events until `release`."""
        self._open.clear()

    def release(self) -> None:
        """Send the events held back."""
        self._open.set()

    def drain(self, timeout: float = 10) -> None:
        """Wait until all events so far are on the bus."""
        reached = threading.Event()
        self._queue.put(reached)
        if not reached.wait(timeout):
            raise TimeoutError(f"SageMaker's events were not delivered within {timeout} seconds")

    def _run(self) -> None:
        while True:
            item = self._queue.get()
            if isinstance(item, threading.Event):
                item.set()
                continue
            self._open.wait()
            try:
                item()
            except Exception:
                # The thread must survive a failed delivery and continue, as EventBridge does.
                LOGGER.exception("an event of SageMaker was not delivered: %s", item.args)


def _put(account_id: str, region: str, event: Event) -> None:
    entry = {
        "Source": "aws.sagemaker",
        "DetailType": event.detail_type,
        "Detail": json.dumps(event.detail),
        "Resources": list(event.resources),
    }
    with request_scope(account_id, region):
        status, _, body = eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
    if status != 200 or json.loads(body)["FailedEntryCount"]:
        raise RuntimeError(f"EventBridge refused an event of SageMaker: {body!r}")


class Session(boto3.Session):  # type: ignore[misc]  # boto3 ships no types
    """A boto3 session whose clients and resources talk to the laptop cloud."""

    def __init__(self, endpoint_url: str, **credentials: str) -> None:
        super().__init__(**credentials)
        self._endpoint_url = endpoint_url

    def client(self, *args: Any, **options: Any) -> Any:
        """As boto3's, at the local endpoint unless another is given."""
        return super().client(*args, **{"endpoint_url": self._endpoint_url, **options})

    def resource(self, *args: Any, **options: Any) -> Any:
        """As boto3's, at the local endpoint unless another is given."""
        return super().resource(*args, **{"endpoint_url": self._endpoint_url, **options})


class LocalCloud:
    """The cloud around the API, over its own endpoint: never call these on the event loop."""

    def __init__(self, endpoint_url: str) -> None:
        self._endpoint_url = endpoint_url
        self._clients: dict[tuple[str, str, str], Any] = {}
        self._lock = threading.Lock()

    def wait_until_served(self) -> None:
        """Return once the cloud answers: then every service has loaded its state."""
        while True:
            try:
                urllib.request.urlopen(f"{self._endpoint_url}/_ministack/health", timeout=5).close()  # noqa: S310  # ours
                return
            except OSError:
                time.sleep(0.05)

    def assume(self, role_arn: str, source_arn: str, region: str) -> Session:
        """A session of the role, if the role trusts SageMaker as it must in an account.

        `source_arn` is the job or pipeline in whose name SageMaker assumes it: a trust policy's
        `aws:SourceArn`, as the developer guide has it for each kind of job ("Cross-service
        confused deputy prevention").
        """
        try:
            trusted = not app.AUTH or self._trusts_sagemaker(role_arn, source_arn, region)
        except ClientError as error:
            raise _not_assumed(role_arn) from error
        if not trusted:
            raise _not_assumed(role_arn)
        return Session(
            self._endpoint_url,
            **credentials(role_arn, SESSION_NAME),
            region_name=region,
        )

    def log(self, group: str, stream: str, lines: list[str], account_id: str, region: str) -> None:
        """Append lines to a stream of CloudWatch Logs, made when it does not exist."""
        logs = self._client("logs", account_id, region)
        now = round(time.time() * 1000)
        entries = [
            {"timestamp": now, "message": line.encode()[:LINE_BYTES].decode(errors="ignore")}
            for line in lines
            if line
        ]
        for start in range(0, len(entries), BATCH_LINES):
            batch = {
                "logGroupName": group,
                "logStreamName": stream,
                "logEvents": entries[start : start + BATCH_LINES],
            }
            try:
                logs.put_log_events(**batch)
            except logs.exceptions.ResourceNotFoundException:
                _create(logs.create_log_group, logGroupName=group)
                _create(logs.create_log_stream, logGroupName=group, logStreamName=stream)
                logs.put_log_events(**batch)

    def _trusts_sagemaker(self, role_arn: str, source_arn: str, region: str) -> bool:
        account_id, name = role_arn.split(":")[4], role_arn.rpartition("/")[2]
        role = self._client("iam", account_id, region).get_role(RoleName=name)["Role"]
        policy = role["AssumeRolePolicyDocument"]
        context = iam_evaluator.EvalContext(
            principal_arn=f"arn:aws:iam::{account_id}:root",  # it matches any service principal
            principal_type="Service",
            principal_account="",
            action="sts:AssumeRole",
            resource_arn=role_arn,
            region=region,
            service_context={
                "aws:sourceaccount": source_arn.split(":")[4],
                "aws:sourcearn": source_arn,
            },
        )
        named = any(_lets_in(item) for item in _listed(policy.get("Statement", [])))
        return named and iam_evaluator.evaluate_trust_policy(policy, context.principal_arn, context)

    def _client(self, service: str, account_id: str, region: str) -> Any:
        """A client of the account's root, whose access key in MiniStack is the account's number."""
        with self._lock:
            key = (service, account_id, region)
            if key not in self._clients:
                session = Session(
                    self._endpoint_url,
                    aws_access_key_id=account_id,
                    aws_secret_access_key="test",  # noqa: S106  # root's key is not checked
                    region_name=region,
                )
                self._clients[key] = session.client(service)
            return self._clients[key]


def _create(create: Any, **names: str) -> None:
    try:
        create(**names)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
            raise


def _lets_in(statement: dict[str, Any]) -> bool:
    principal = statement.get("Principal", {})
    services = _listed(principal.get("Service", [])) if isinstance(principal, dict) else []
    return statement.get("Effect") == "Allow" and PRINCIPAL in services


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _not_assumed(role_arn: str) -> ClientError:
    return ApiError(
        "ValidationException",
        f"Could not assume role {role_arn}. Please ensure that the role exists and allows "
        f"principal '{PRINCIPAL}' to assume the role.",
    ).as_client_error("AssumeRole")
