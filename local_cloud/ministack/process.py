"""Starting and stopping the server process."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType

from local_cloud.ministack.settings import HOST, Settings

ROOT = Path(__file__).parents[2]
START_SECONDS = 60.0
STOP_SECONDS = 60.0


class ServerError(Exception):
    """The server did not start, or died; the message ends with the last lines of its log."""


def free_port(wanted: int | None = None) -> int:
    """`wanted` if nobody listens there, else any free port."""
    with socket.socket() as probe:
        if wanted is not None:
            with contextlib.suppress(OSError):
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((HOST, wanted))
                return wanted
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def choose_port(state_dir: Path) -> int:
    """The previous port, since queue URLs in the saved state contain it, or a free one.

    If another process uses the previous port, the saved state is rewritten for the new one.
    """
    remembered = state_dir / "port"
    last = int(remembered.read_text()) if remembered.exists() else None
    port = free_port(last)
    if last is not None and port != last:
        for path in state_dir.rglob("*.json"):
            text = path.read_text()
            path.write_text(text.replace(f"http://{HOST}:{last}", f"http://{HOST}:{port}"))
    state_dir.mkdir(parents=True, exist_ok=True)
    remembered.write_text(str(port))
    return port


class Server:
    """One MiniStack, from start to graceful stop."""

    command: tuple[str, ...] = (sys.executable, "-m", "local_cloud.server")

    def __init__(self, settings: Settings, log: Path) -> None:
        self.settings, self.log = settings, log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it answers."""
        for python in (self.settings.functions_python, self.settings.jobs_python):
            if not python.exists():
                raise ServerError(f"{python}: no such interpreter; `make setup` creates it")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [*self.command, self.settings.to_json()],
                cwd=ROOT,
                env=self.settings.environment(),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the starter, which stops it gracefully
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise ServerError(f"MiniStack did not start; {self.log} ends with:\n{self.tail()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Let it save its state and exit; does nothing if it is not running."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise ServerError(
                f"MiniStack did not stop within {STOP_SECONDS:.0f} s and was killed; its state is "
                f"that of the stop before. {self.log} ends with:\n{self.tail()}"
            ) from None
        finally:
            if process.stdin:
                process.stdin.close()

    def tail(self, lines: int = 15) -> str:
        """The end of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _answers(self) -> bool:
        url = f"{self.settings.endpoint_url}/_ministack/health"
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own server
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
