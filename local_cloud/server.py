"""The server process: MiniStack with its seams, until SIGTERM or until its starter is gone.

Run by `ministack.process.Server`. MiniStack reads its options from the environment when it is
imported, so this module must be the first to import it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable

from local_cloud.ministack.settings import HOST, Settings

DRAIN_SECONDS = 5.0


def install(settings: Settings) -> Callable[[], None]:
    """Put every seam in place; returns what must happen before the state is saved."""
    from local_cloud.chaos.install import install as install_chaos
    from local_cloud.ministack import (
        asynchronous,
        functions,
        item_access,
        managed_policies,
        objects,
        permissions,
        queue_policies,
        queues,
        refusals,
        rule_access,
        rules,
        stacks,
        state_machines,
        topics,
        transport,
    )
    from local_cloud.sagemaker.install import install as install_sagemaker

    functions.install(settings.functions_python, settings.work_dir)
    asynchronous.install()
    rules.install()
    rule_access.install()
    item_access.install()
    managed_policies.install()
    objects.install()
    queues.install()
    queue_policies.install()
    stacks.install()
    transport.install()
    permissions.install(settings.permissions)
    state_machines.install()
    refusals.install()
    postman = topics.install(HOST, settings.smtp_port)
    sagemaker = install_sagemaker(
        settings.state_dir / "sagemaker",
        settings.work_dir / "sagemaker",
        settings.jobs_python,
        settings.endpoint_url,
    )
    sagemaker.load()
    call_off_chaos = install_chaos(settings.chaos_home) if settings.chaos_home else None

    def before_saving() -> None:
        if call_off_chaos:
            call_off_chaos()
        sagemaker.save()
        if not asynchronous.drain(DRAIN_SECONDS):
            logging.warning("asynchronous invocations still wait; they are lost")
        postman.drain()

    return before_saving


async def serve(settings: Settings, before_saving: Callable[[], None]) -> None:
    """Serve until a stop is requested; MiniStack saves its state in its own shutdown."""
    from hypercorn.asyncio import serve as hypercorn_serve
    from hypercorn.config import Config
    from ministack.app import app

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def watch_starter() -> None:
        sys.stdin.read()  # ends when the starter closes the pipe, or dies
        loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=watch_starter, daemon=True).start()

    async def until_stopped() -> None:
        await stop.wait()
        await asyncio.to_thread(before_saving)

    config = Config()
    config.bind = [f"{HOST}:{settings.port}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 1
    config.loglevel = "WARNING"
    await hypercorn_serve(app, config, shutdown_trigger=until_stopped)


def main() -> None:
    settings = Settings.from_json(sys.argv[1])
    for folder in (settings.state_dir, settings.work_dir):
        folder.mkdir(parents=True, exist_ok=True)
    before_saving = install(settings)
    asyncio.run(serve(settings, before_saving))
    from ministack.core import lambda_runtime

    lambda_runtime.reset()
    logging.shutdown()
    os._exit(0)  # threads sleeping in a Wait state have nothing left to save


if __name__ == "__main__":
    main()
