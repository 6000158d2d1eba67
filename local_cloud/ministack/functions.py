"""Lambda functions run under AWS's own runtime client, in an environment like Lambda's.

MiniStack runs `python*` functions under a worker of its own, which loses the names of exceptions
and inherits the host's environment. Its worker for `provided.*` implements the real Runtime API;
here it runs `awslambdaric`, which sees only the function's zip, its layers and Lambda's own files.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import queue
import shlex
import threading
import zipfile
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.core.responses import get_region, new_uuid
from ministack.services import lambda_svc

from local_cloud.ministack import roles, seams

logger = logging.getLogger("local_cloud.functions")
# Environments of one function that may exist at once; a burst waits for a free one. AWS would
# start more, a laptop should not: each is a process of some 60 MB.
ENVIRONMENTS = 4
_LOG_WAIT = 0.005  # seconds to wait for the first log line of an invocation that logs nothing

# The request id of an asynchronous event, which its retries keep, as on AWS.
request_id_of_event: ContextVar[str | None] = ContextVar("request id of the event", default=None)
_slots: dict[str, threading.BoundedSemaphore] = {}
_lock = threading.Lock()


def is_python(config: dict[str, Any]) -> bool:
    """Whether this module runs the function; MiniStack runs all others."""
    return str(config.get("Runtime", "")).startswith("python")


def with_bootstrap(code_zip: bytes, python: Path) -> bytes:
    """The function's zip with the bootstrap file of Lambda's Python runtime added."""
    script = f'#!/bin/sh\nexec {shlex.quote(str(python))} -s -m awslambdaric "$_HANDLER"\n'
    info = zipfile.ZipInfo("bootstrap")
    info.external_attr = 0o755 << 16
    buffer = io.BytesIO(code_zip)
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(info, script)
    return buffer.getvalue()


def layer_paths(config: dict[str, Any], work_dir: Path) -> list[str]:
    """The folders of the layers' Python code, unpacked once per content; a later layer wins."""
    paths: list[str] = []
    for attachment in config.get("Layers") or []:
        data = lambda_svc._resolve_layer_zip(attachment)
        if data is None:
            raise lambda_runtime.ProvidedRuntimeError(
                f"Layer {attachment} does not exist", "Runtime.InvalidLayer"
            )
        folder = work_dir / "layers" / hashlib.sha256(data).hexdigest()[:24]
        with _lock:
            if not folder.exists():
                partial = folder.with_suffix(".partial")
                zipfile.ZipFile(io.BytesIO(data)).extractall(partial)
                partial.rename(folder)
        paths = [str(folder / "python"), *paths]
    return paths


def environment(config: dict[str, Any], code_dir: str, port: int, work_dir: Path) -> dict[str, str]:
    """The variables a function finds: Lambda's, its own, and the endpoint of this cloud."""
    name, region = config.get("FunctionName", "unknown"), get_region()
    logged = config.get("LoggingConfig") or {}
    given = {
        "PATH": "/usr/local/bin:/usr/bin:/bin:/opt/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        # Lambda's user has no home, so no configuration of the host is found there.
        "HOME": "/home/sbx_user1051",
        "TMPDIR": "/tmp",  # noqa: S108 - as on Lambda
        "LAMBDA_TASK_ROOT": code_dir,
        "PYTHONPATH": os.pathsep.join([code_dir, *layer_paths(config, work_dir)]),
        "_HANDLER": config.get("Handler", ""),
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{config.get('Runtime', '')}",
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": config.get("Version", "$LATEST"),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
        "AWS_LAMBDA_LOG_GROUP_NAME": logged.get("LogGroup") or f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": new_uuid(),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"],
    }
    own = lambda_svc._runtime_env_vars(config)
    return {**own, **given, **lambda_runtime.execution_credentials(config)}


class RuntimeClientWorker(lambda_runtime.ProvidedWorker):  # type: ignore[misc]
    """One execution environment of a Python function: `awslambdaric` behind a Runtime API."""

    python: Path

    def __init__(self, func_name: str, config: dict[str, Any], code_zip: bytes) -> None:
        super().__init__(func_name, config, with_bootstrap(code_zip, self.python))

    def _build_handler_class(self, generation: int, pending: queue.Queue[Any]) -> type:
        """MiniStack's Runtime API without the 40 ms that Nagle's algorithm costs per answer."""
        handler = super()._build_handler_class(generation, pending)
        return type("RuntimeAPI", (handler,), {"disable_nagle_algorithm": True, "wbufsize": -1})

    def _drain_stderr_bounded(
        self,
        first_line_wait: float = _LOG_WAIT,
        idle_confirm: float = 0.002,
        hard_cap: float = 0.25,
    ) -> str:
        drained: str = super()._drain_stderr_bounded(first_line_wait, idle_confirm, hard_cap)
        return drained


def _slot(config: dict[str, Any]) -> threading.BoundedSemaphore:
    with _lock:
        key = config.get("FunctionArn", "")
        return _slots.setdefault(key, threading.BoundedSemaphore(ENVIRONMENTS))


def may_log(config: dict[str, Any]) -> bool:
    """Whether the function's role may write its log; if not, nothing is logged, as on Lambda."""
    name = config.get("FunctionName", "unknown")
    account, region = lambda_svc._account_region_from_function_config(config)
    group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}"
    stream = f"arn:aws:logs:{region}:{account}:log-group:{group}:log-stream:any"
    try:
        for action in ("logs:CreateLogStream", "logs:PutLogEvents"):
            roles.require(config["Role"], name, action, stream)
    except roles.Refused as error:
        logger.warning("%s may not write its log: %s", name, error)
        return False
    return True


def install(python: Path, work_dir: Path) -> None:
    """Run `python*` functions under `python` (which has awslambdaric), at most a few at once."""
    RuntimeClientWorker.python = python

    def worker_class(config: dict[str, Any]) -> type:
        return RuntimeClientWorker if is_python(config) else original_class(config)

    def worker_env(config: dict[str, Any], code_dir: str, port: int) -> dict[str, str]:
        if is_python(config):
            return environment(config, code_dir, port, work_dir)
        given: dict[str, str] = original_env(config, code_dir, port)
        return given

    def execute(func: dict[str, Any], event: Any, request_id: str) -> Any:
        config = func.get("config") or func
        if not is_python(config):
            return original_execute(func, event, request_id)
        slot = _slot(config)
        if not slot.acquire(timeout=max(60, config.get("Timeout", 3))):
            return lambda_svc._throttle_response(
                "ConcurrentInvocationLimitExceeded",
                f"Rate Exceeded: {config.get('FunctionName')} has {ENVIRONMENTS} environments "
                "on this machine and all are busy",
            )
        try:
            kept = request_id_of_event.get() or request_id
            return lambda_svc._execute_function_provided_warm(func, event, kept)
        finally:
            slot.release()

    def emit_logs(func: dict[str, Any], *given: Any, **more: Any) -> None:
        if may_log(func.get("config") or func):
            original_emit(func, *given, **more)

    original_emit = seams.replace(
        lambda_svc,
        "_emit_lambda_logs",
        "func request_id log_text error duration_ms log_source",
        emit_logs,
    )
    for method, parameters in (
        ("_build_handler_class", "self generation pending"),
        ("_drain_stderr_bounded", "self first_line_wait idle_confirm hard_cap"),
    ):
        base = lambda_runtime.ProvidedWorker
        seams.replace(base, method, parameters, getattr(base, method))
    original_class = seams.replace(lambda_runtime, "_worker_class_for", "config", worker_class)
    original_env = seams.replace(
        lambda_svc, "_provided_worker_env", "config code_dir port", worker_env
    )
    original_execute = seams.replace(
        lambda_svc, "_execute_function_warm", "func event request_id", execute
    )
