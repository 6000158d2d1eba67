"""DynamoDB and S3 for the adapters' tests: a bare MiniStack in a process of its own."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def ministack(folder: Path) -> Iterator[str]:
    """Yield the endpoint of a fresh MiniStack; its log is in the folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
    }
    endpoint = f"http://127.0.0.1:{port}"
    with (folder / "ministack.log").open("wb") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import sys; sys.argv = ['ministack']; from ministack.app import main; main()",
            ],
            env=environment,
            cwd=folder,
            stdout=log,
            stderr=log,
        )
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(f"{endpoint}/_ministack/health").close()  # noqa: S310
                break
            except OSError:
                assert time.monotonic() < deadline, (folder / "ministack.log").read_text()
                time.sleep(0.05)
        yield endpoint
    finally:
        process.terminate()
        process.wait(20)
