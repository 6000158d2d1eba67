"""The engine that executes SageMaker pipeline definitions for real, step by step.

It knows the definition's JSON, S3 and the containers' contracts; records, events and validation
are the SageMaker API's (`host.py` is the interface between the two).
"""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

from local_cloud.sagemaker.engine.context import RoleSessions, Site
from local_cloud.sagemaker.engine.run import Run
from local_cloud.sagemaker.engine.sandbox import make_container_root
from local_cloud.sagemaker.host import Execution, Host

SECONDS_TO_SHUT_DOWN = 20

__all__ = ["Engine"]


class Engine:
    """Runs pipeline executions side by side."""

    def __init__(self, host: Host, work_dir: Path, jobs_python: Path) -> None:
        """`work_dir` holds the jobs' folders; `jobs_python` is the interpreter they run under,
        in an environment with what the containers hold."""
        self._host = host
        self._jobs_dir = work_dir.resolve() / "jobs"
        shutil.rmtree(self._jobs_dir, ignore_errors=True)  # left by an engine that was killed
        self._jobs_dir.mkdir(parents=True)
        self._jobs_python = jobs_python.absolute()  # resolved, it would leave its environment
        self._sessions = RoleSessions(host)
        self._lock = threading.Lock()
        self._runs: dict[str, Run] = {}
        make_container_root()

    def start(self, execution: Execution) -> None:
        """Begin to run an execution; returns at once."""
        host = self._host.within(execution.account_id, execution.region)
        run = Run(Site(execution, host, self._sessions, self._jobs_dir, self._jobs_python))
        with self._lock:
            self._runs = {arn: r for arn, r in self._runs.items() if r.thread.is_alive()}
            self._runs[execution.arn] = run
            run.thread.start()

    def stop(self, execution_arn: str) -> None:
        """Begin to stop an execution; one that has ended stays as it is."""
        with self._lock:
            run = self._runs.get(execution_arn)
        if run is not None:
            run.begin_to_stop()

    def shutdown(self) -> None:
        """Stop every execution and wait for the jobs to end."""
        with self._lock:
            runs = [run for run in self._runs.values() if run.thread.is_alive()]
        for run in runs:
            self.stop(run.site.execution.arn)
        for run in runs:
            run.thread.join(SECONDS_TO_SHUT_DOWN)
