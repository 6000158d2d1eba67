"""A model in a process of its own that answers payloads, as a container answers /invocations."""

from __future__ import annotations

import contextlib
import json
import os
import struct
import subprocess
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from local_cloud.sagemaker.engine.errors import StepFailed, Stopped
from local_cloud.sagemaker.engine.images import inference_command
from local_cloud.sagemaker.engine.sandbox import Outcome, Sandbox

_FRAME = struct.Struct(">II")  # request: bytes of the header and the body; response: status, bytes


class ModelServer:
    """Started with `with`; `invoke` sends one payload and waits for the answer."""

    def __init__(self, sandbox: Sandbox, image: str) -> None:
        self._sandbox = sandbox
        from_engine, to_model = os.pipe()
        from_model, to_engine = os.pipe()
        try:
            command = inference_command(image, sandbox.jobs_python, from_engine, to_engine)
            process = sandbox.start(command, pass_fds=(from_engine, to_engine))
        except BaseException:
            os.close(to_model)
            os.close(from_model)
            raise
        finally:
            os.close(from_engine)
            os.close(to_engine)
        self._requests = os.fdopen(to_model, "wb")
        self._responses = os.fdopen(from_model, "rb")
        self._outcome: Outcome | None = None
        self._watcher = threading.Thread(target=self._watch, args=(process,), daemon=True)
        self._watcher.start()

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        try:
            self._outcome = self._sandbox.watch(process, None)
        except Stopped:
            return  # the caller checks the stop signal itself

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with contextlib.suppress(
            BrokenPipeError
        ):  # the process is gone; invoke has raised the error
            self._requests.close()
        self._responses.close()
        self._watcher.join()

    def invoke(self, payload: bytes, content_type: str, accept: str) -> tuple[int, bytes]:
        """The status (as of HTTP) and the body of the model's answer."""
        header = json.dumps({"content_type": content_type, "accept": accept}).encode()
        try:
            self._requests.write(_FRAME.pack(len(header), len(payload)) + header + payload)
            self._requests.flush()
            status, size = _FRAME.unpack(self._exactly(_FRAME.size))
            return status, self._exactly(size)
        except (BrokenPipeError, EOFError) as error:
            self._watcher.join()
            self._sandbox.stop.check()
            tail: Sequence[str] = self._outcome.tail if self._outcome else ()
            code = self._outcome.exit_code if self._outcome else "unknown"
            raise StepFailed(
                "AlgorithmError: The model server ended before it answered (exit code "
                f"{code}): {' | '.join(tail[-5:])}"
            ) from error

    def _exactly(self, size: int) -> bytes:
        data = self._responses.read(size)
        if len(data) < size:
            raise EOFError
        return data
