"""The SageMaker API as a service: one entry point for HTTP, Step Functions and the engine."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import boto3

from local_cloud.sagemaker.core import authorization, backplane, tokens
from local_cloud.sagemaker.core.errors import ApiError, unknown_operation
from local_cloud.sagemaker.core.open_facts import OpenFacts
from local_cloud.sagemaker.core.operations import OPERATIONS, Call
from local_cloud.sagemaker.core.store import Store
from local_cloud.sagemaker.core.validation import (
    checked_request,
    checked_response,
    operation_model,
    wire,
)
from local_cloud.sagemaker.host import Execution, Host, PipelineEngine
from local_cloud.sagemaker.resources import (
    executions,
    groups,
    jobs,
    models,
    pipelines,
    registry,
    tags,
)

LOGGER = logging.getLogger(__name__)
HEADERS = {"Content-Type": "application/x-amz-json-1.1"}
STATE_FILE = "sagemaker.json"
MODULES = (
    executions,
    groups,
    jobs,
    models,
    pipelines,
    registry,
    tags,
)  # importing them registers them
Answer = tuple[int, dict[str, str], bytes]

# The caller of the current work; threads that copy the context inherit it.
_identity: ContextVar[dict[str, str] | None] = ContextVar("sagemaker_identity", default=None)


class Service:
    """SageMaker's API with its state; implements `Host` for the engine."""

    def __init__(
        self,
        state_dir: Path,
        work_dir: Path,
        jobs_python: Path,
        endpoint_url: str,
        *,
        engine: PipelineEngine | None = None,
        token_window: timedelta = tokens.WINDOW,
        facts: OpenFacts | None = None,
    ) -> None:
        self._state_file = state_dir / STATE_FILE
        self._work_dir = work_dir
        self._jobs_python = jobs_python
        self._engine = engine
        self._token_window = token_window
        self._facts = facts or OpenFacts()
        self._store = Store()
        self._publisher = backplane.Publisher()
        self._local_cloud = backplane.LocalCloud(endpoint_url)

    # --- the HTTP entry point ---------------------------------------------------------------

    async def handle(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Answer:
        """Answer a request of JSON 1.1, away from the event loop."""
        return await asyncio.to_thread(self._answer, headers, body, query)

    def _answer(self, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Answer:
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        key = backplane.access_key(headers, query)
        _identity.set(backplane.identity(key))
        try:
            request = _parsed(body)
            account_id, region = backplane.here()
            authorization.check_dependent(operation, request, key, region, account_id)
            return 200, dict(HEADERS), json.dumps(wire(self.run(operation, request))).encode()
        except ApiError as error:
            return error.status, dict(HEADERS), json.dumps(error.body()).encode()
        except Exception as error:
            LOGGER.exception("SageMaker.%s failed", operation)
            fault = ApiError("InternalFailure", f"{type(error).__name__}: {error}", 500)
            return fault.status, dict(HEADERS), json.dumps(fault.body()).encode()

    def run(self, operation: str, request: Any) -> dict[str, Any]:
        """Carry out an operation; a refused one raises ApiError."""
        operation_model(operation)
        function = OPERATIONS.get(operation)
        if function is None:
            raise unknown_operation(operation)
        checked = checked_request(operation, tokens.filled(operation, request))
        checked = pipelines.with_definition(checked, backplane.read_object)
        account_id, region = backplane.here()
        owner = registry.owner(operation, checked, account_id, region)
        with self._call(owner, region) as call:
            if owner != account_id:
                resource = registry.shared_resource(operation, checked)
                policy = groups.policy_for(call, resource)
                authorization.check_shared(operation, resource, call.identity["Arn"], policy)
            answered = tokens.recalled(call, operation, checked, self._token_window)
            if answered is not None:
                return answered
            response = checked_response(operation, function(call, checked))
            tokens.remember(call, operation, checked, response)
        return response

    def tags_of(self, arn: str) -> dict[str, str]:
        """The tags of a resource, as IAM's conditions see them; none if it is not there."""
        account_id, region = backplane.here()
        with self._call(account_id, region) as call:
            tags: list[dict[str, str]] = call.table("tags").get(arn, [])
            return {tag["Key"]: tag["Value"] for tag in tags}

    # --- Host: what the engine calls --------------------------------------------------------

    def within(self, account_id: str, region: str) -> Host:
        """See `Host.within`."""
        return cast(Host, backplane.Scoped(self, account_id, region))

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """See `Host.call`."""
        try:
            return self.run(operation, request)
        except ApiError as error:
            raise error.as_client_error(operation) from error

    def authorize(self, role_arn: str, operation: str, request: dict[str, Any]) -> None:
        """See `Host.authorize`."""
        account_id, region = backplane.here()
        try:
            authorization.check_role(role_arn, operation, request, region, account_id)
        except ApiError as error:
            raise error.as_client_error(operation) from error

    def job_changed(self, kind: str, record: dict[str, Any]) -> None:
        """See `Host.job_changed`."""
        with self._call(*_place(record[f"{kind}Arn"])) as call:
            jobs.changed(call, kind, record)

    def step_changed(self, execution_arn: str, step: dict[str, Any]) -> None:
        """See `Host.step_changed`."""
        with self._call(*_place(execution_arn)) as call:
            executions.step_changed(call, execution_arn, step)

    def execution_changed(
        self, execution_arn: str, status: str, failure_reason: str | None = None
    ) -> None:
        """See `Host.execution_changed`."""
        with self._call(*_place(execution_arn)) as call:
            executions.changed(call, execution_arn, status, failure_reason)

    def session(self, role_arn: str, source_arn: str) -> boto3.Session:
        """See `Host.session`."""
        return self._local_cloud.assume(role_arn, source_arn, backplane.here()[1])

    def log(self, group: str, stream: str, lines: list[str]) -> None:
        """See `Host.log`."""
        self._local_cloud.log(group, stream, lines, *backplane.here())

    def cached_step(
        self, pipeline_arn: str, key: str, max_age_seconds: float
    ) -> dict[str, Any] | None:
        """See `Host.cached_step`."""
        with self._call(*_place(pipeline_arn)) as call:
            kept = call.table("cache").get(f"{pipeline_arn} {key}")
            if kept is None or (call.now - kept["time"]).total_seconds() > max_age_seconds:
                return None
            step: dict[str, Any] = kept["step"]
            return dict(step)

    def remember_step(self, pipeline_arn: str, key: str, step: dict[str, Any]) -> None:
        """See `Host.remember_step`."""
        with self._call(*_place(pipeline_arn)) as call:
            call.table("cache")[f"{pipeline_arn} {key}"] = {"time": call.now, "step": dict(step)}

    # --- life -------------------------------------------------------------------------------

    def save(self) -> None:
        """Stop running executions and save the state: the cloud is going down."""
        if self._engine is not None:
            self._engine.shutdown()
        self._publisher.release()  # it may still wait for the cloud to serve, which will not happen
        self._publisher.drain()
        with self._store.lock:
            for account_id, region, scope in self._store.scopes():
                call = Call(account_id, region, {}, scope, self._store.scope, self)
                tokens.forget_old(call, self._token_window)
            self._store.save(self._state_file)

    def load(self) -> None:
        """Read the state from disk; executions that ran when the cloud died have failed.

        Called before MiniStack serves: their events wait until there are rules to match them.
        """
        if not self._store.load(self._state_file):
            return
        self._publisher.hold()
        for account_id, region, _ in self._store.scopes():
            with self._call(account_id, region) as call:
                jobs.interrupted(call)
                executions.interrupted(call)
        threading.Thread(target=self._release_events, daemon=True).start()

    def _release_events(self) -> None:
        self._local_cloud.wait_until_served()
        self._publisher.release()

    def start(self, execution: Execution) -> None:
        """Hand an execution to the engine; if the engine cannot start it, it fails."""
        try:
            self._the_engine().start(execution)
        except Exception as error:
            LOGGER.exception("%s could not be started", execution.arn)
            self.execution_changed(execution.arn, "Failed", f"{type(error).__name__}: {error}")

    def stop(self, execution_arn: str) -> None:
        """Have the engine stop an execution."""
        self._the_engine().stop(execution_arn)

    def _the_engine(self) -> PipelineEngine:
        with self._store.lock:
            if self._engine is None:
                # Imported when needed: the engine is slow to import and imports this package.
                from local_cloud.sagemaker.engine.engine import Engine

                self._engine = Engine(self, self._work_dir, self._jobs_python, self._facts)
            return self._engine

    @contextmanager
    def _call(self, account_id: str, region: str) -> Iterator[Call]:
        who = _identity.get() or backplane.identity("")
        with self._store.lock:
            scope = self._store.scope(account_id, region)
            call = Call(account_id, region, who, scope, self._store.scope, self, self._facts)
            yield call
            for event in call.events:
                self._publisher.publish(account_id, region, event)
        for action in call.afterwards:
            action()


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except ValueError as error:
        raise ApiError("SerializationException", f"The request is not JSON: {error}") from error


def _place(arn: str) -> tuple[str, str]:
    parts = arn.split(":")
    if len(parts) < 6:
        raise ValueError(f"not an ARN: {arn}")
    return parts[4], parts[3]
