"""A job's process: its own /opt/ml, a container's environment, its output as log lines.

Step scripts name /opt/ml outright, so each job gets a mount namespace in which its own folder
is mounted there (`unshare` of util-linux: as root, or through a user namespace). Where
there are no namespaces (macOS), paths in the command and the environment are rewritten instead,
and the job's log says so.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO, Any

from local_cloud.sagemaker.engine.stopping import StopSignal

CONTAINER_ROOT = Path("/opt/ml")
SECONDS_BEFORE_KILL = 10  # after SIGTERM; SageMaker waits 120
TAIL_LINES = 50

# $1 the job's folder, $2 the folder of all jobs (hidden from this one), $3 "net" for no network.
# Without a /opt/ml and the right to create one, /opt is remounted: the same entries, and `ml`.
_ENTER = """set -e
if [ ! -d /opt/ml ]; then
  mkdir -p "$1/opt"; mount -t tmpfs opt "$1/opt"; mkdir "$1/opt/ml"
  for entry in /opt/*; do
    copy="$1$entry"
    if [ -d "$entry" ]; then mkdir "$copy"; mount --rbind "$entry" "$copy"; fi
  done
  mount --rbind "$1/opt" /opt
fi
mount --bind "$1/ml" /opt/ml
mount -t tmpfs -o size=64k,mode=755 jobs "$2"
if [ "$3" = net ]; then ip link set lo up 2>/dev/null || true; fi
cd "$4"; shift 4
exec "$@"
"""


@cache
def namespace_command() -> tuple[str, ...] | None:
    """The `unshare` that works here; None where there are no mount namespaces."""
    for command in (("unshare", "--mount"), ("unshare", "--user", "--map-root-user", "--mount")):
        try:
            probe = subprocess.run([*command, "true"], capture_output=True, check=False)
        except FileNotFoundError:
            return None
        if probe.returncode == 0:
            return command
    return None


def make_container_root() -> None:
    """Create the mount point /opt/ml if that is allowed; otherwise jobs remount /opt."""
    try:
        CONTAINER_ROOT.mkdir(parents=True, exist_ok=True)
    except OSError:
        return  # a user namespace can remount /opt


@dataclass(frozen=True)
class Outcome:
    """How a process ended. `tail` holds its last lines."""

    exit_code: int
    tail: Sequence[str] = ()
    timed_out: bool = False


@dataclass
class Sandbox:
    """The folder of one job and the processes run in it."""

    jobs_dir: Path
    name: str
    jobs_python: Path
    on_lines: Callable[[list[str]], None]
    stop: StopSignal
    network: bool = True
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder = self.jobs_dir / self.name
        self.path("/opt/ml/tmp").mkdir(parents=True)
        self.path("/opt/ml/output").mkdir()

    def path(self, container_path: str) -> Path:
        """Where a path below /opt/ml lies on this machine."""
        relative = os.path.relpath(os.path.normpath(container_path), CONTAINER_ROOT)
        if relative.split("/")[0] == "..":
            raise ValueError(f"{container_path} is not below {CONTAINER_ROOT}")
        return self.folder / "ml" / relative

    def remove(self) -> None:
        """Delete the job's folder; its output is in S3."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(
        self, command: Sequence[str], *, cwd: str = "/opt/ml", pass_fds: Sequence[int] = ()
    ) -> subprocess.Popen[bytes]:
        """Start a process that sees this job's /opt/ml, in a process group of its own."""
        unshare = namespace_command()
        environment = self._environment()
        directory: Path | None = None
        if unshare is None:
            self.on_lines(
                ["No mount namespaces here: /opt/ml is rewritten in the command and environment"]
            )
            here = str(self.folder / "ml")
            command = [part.replace("/opt/ml", here) for part in command]
            environment = {k: v.replace("/opt/ml", here) for k, v in environment.items()}
            directory = self.path(cwd)
        else:
            net = [] if self.network else ["--net"]
            jobs = [str(self.folder), str(self.jobs_dir), "" if self.network else "net", cwd]
            command = [*unshare, *net, "sh", "-c", _ENTER, "job", *jobs, *command]
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=directory,
            start_new_session=True,
            pass_fds=pass_fds,
        )

    def run(
        self, command: Sequence[str], *, cwd: str = "/opt/ml", max_seconds: float | None = None
    ) -> Outcome:
        """Run a command to its end; raise Stopped when the execution is stopped meanwhile."""
        self.stop.check()
        return self.watch(self.start(command, cwd=cwd), max_seconds)

    def watch(self, process: subprocess.Popen[bytes], max_seconds: float | None) -> Outcome:
        """Hand on a process's output until it ends."""
        tail: deque[str] = deque(maxlen=TAIL_LINES)
        timed_out = threading.Event()

        def expire() -> None:
            timed_out.set()
            _end(process)

        assert process.stdout is not None  # noqa: S101 - started with a pipe
        reader = threading.Thread(target=self._read, args=(process.stdout, tail), daemon=True)
        reader.start()
        timer = threading.Timer(max_seconds or 0, expire)
        timer.daemon = True
        if max_seconds is not None:
            timer.start()
        try:
            with self.stop.ending(lambda: _end(process)):
                exit_code = process.wait()
        finally:
            timer.cancel()
            _signal(process, signal.SIGKILL)  # whatever the job left running in its process group
            reader.join(timeout=5)
        self.stop.check()
        return Outcome(exit_code, tuple(tail), timed_out.is_set())

    def _environment(self) -> dict[str, str]:
        """The container's environment, without anything from this process's."""
        return {
            "PATH": f"{self.jobs_python.parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": "/opt/ml/tmp",
            "TMPDIR": "/opt/ml/tmp",
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "PYTHONIOENCODING": "UTF-8",
            # A machine for itself is what a job has on SageMaker. Here OpenMP's threads, which
            # spin while they wait, would starve each other beside other work: 1 s becomes 30.
            "OMP_WAIT_POLICY": "PASSIVE",
            **self.environment,
        }

    def _read(self, pipe: IO[bytes], tail: deque[str]) -> None:
        rest = b""
        with pipe:
            while chunk := os.read(pipe.fileno(), 65536):
                *whole, rest = (rest + chunk).split(b"\n")
                self._hand_on(whole, tail)
            if rest:
                self._hand_on([rest], tail)

    def _hand_on(self, raw: Sequence[bytes], tail: deque[str]) -> None:
        lines = [line.decode("utf-8", "replace").rstrip("\r") for line in raw]
        if lines:
            tail.extend(lines)
            self.on_lines(lines)


def _end(process: subprocess.Popen[Any]) -> None:
    """SIGTERM to the process group, SIGKILL when that was not enough."""
    _signal(process, signal.SIGTERM)
    timer = threading.Timer(SECONDS_BEFORE_KILL, _kill_if_running, args=(process,))
    timer.daemon = True
    timer.start()


def _kill_if_running(process: subprocess.Popen[Any]) -> None:
    if process.poll() is None:
        _signal(process, signal.SIGKILL)


def _signal(process: subprocess.Popen[Any], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):
        return  # it has ended already
