"""MiniStack with nothing but SageMaker's API put in, run as a process: PORT FOLDER [window].

The engine here runs nothing: tests say over HTTP what the engine tells its host
(`X-Amz-Target: Engine.step_changed` and so on), and read what it was given (`Engine.seen`).
"""

import asyncio
import json
import os
import signal
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from local_cloud.sagemaker.host import Execution

PORT, FOLDER = sys.argv[1], Path(sys.argv[2])
os.environ.update(
    GATEWAY_PORT=PORT,
    BIND_HOST="127.0.0.1",
    LOG_LEVEL="WARNING",
    PERSIST_STATE="1",
    STATE_DIR=str(FOLDER / "ministack"),
)

from hypercorn.asyncio import serve  # noqa: E402  # MiniStack reads the environment when imported
from hypercorn.config import Config  # noqa: E402
from ministack import app  # noqa: E402
from ministack.core import router  # noqa: E402

from local_cloud.sagemaker.install import install  # noqa: E402

SEEN: list[Any] = []


class Engine:
    def start(self, execution: Execution) -> None:
        if execution.parameters.get("Input") == "s3://engine/is-broken":
            raise RuntimeError("no more workers")
        SEEN.append(["start", execution.arn, execution.parameters, execution.max_parallel_steps])

    def stop(self, arn: str) -> None:
        SEEN.append(["stop", arn])

    def shutdown(self) -> None:
        SEEN.append(["shutdown"])


def with_times(row: dict[str, Any]) -> datetime | dict[str, Any]:
    return datetime.fromisoformat(row["$time"]) if row.keys() == {"$time"} else row


async def engine(
    method: str, path: str, headers: dict[str, str], body: bytes, query: object
) -> tuple[int, dict[str, str], bytes]:
    name = headers["x-amz-target"].rpartition(".")[2]
    arguments = json.loads(body, object_hook=with_times)
    try:
        answer = await asyncio.to_thread(_told, name, arguments)
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    return 200, {"Content-Type": "application/json"}, json.dumps(answer, default=str).encode()


def _told(name: str, arguments: list[Any]) -> Any:
    if name == "seen":
        return SEEN
    if name == "identity":
        return SERVICE.session(*arguments).client("sts").get_caller_identity()["Arn"]
    if name == "read":
        *session, bucket, key = arguments
        body = SERVICE.session(*session).client("s3").get_object(Bucket=bucket, Key=key)["Body"]
        return body.read().decode()
    return getattr(SERVICE, name)(*arguments)


SERVICE = install(
    FOLDER,
    FOLDER,
    Path(sys.executable),
    f"http://127.0.0.1:{PORT}",
    engine=Engine(),
    token_window=timedelta(seconds=float(sys.argv[3]) if len(sys.argv) > 3 else 8 * 3600),
)
SERVICE.load()
app.SERVICE_HANDLERS["engine"] = engine
router.SERVICE_PATTERNS["engine"] = {"target_prefixes": ["Engine."]}


async def main() -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

    async def until_stopped() -> None:
        await stop.wait()
        await asyncio.to_thread(SERVICE.save)

    config = Config()
    config.bind = [f"127.0.0.1:{PORT}"]
    config.loglevel = "WARNING"
    config.graceful_timeout = 0.1
    await serve(app.app, config, shutdown_trigger=until_stopped)


asyncio.run(main())
