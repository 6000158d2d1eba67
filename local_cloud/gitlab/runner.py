"""Runs the jobs of pipelines in the background, as a GitLab runner on this machine would."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from local_cloud.gitlab import ci_local
from local_cloud.gitlab.records import Job, Pipeline, Records, now
from local_cloud.gitlab.repository import Repository
from local_cloud.gitlab.statuses import (
    ACTIVE,
    CANCELED,
    CREATED,
    FAILED,
    FINISHED,
    MANUAL,
    PENDING,
    RUNNING,
    SUCCESS,
    WAITING,
    next_status,
)

_CONCURRENT = 4
_MASKED = re.compile(r"SECRET|TOKEN|PASSWORD")
_SHORTEST_MASKED = 8  # characters, as in GitLab


class Runner:
    """Takes pipelines from `records` and writes their results back.

    `variables_of` gives a job's CI/CD variables: the predefined, the project's, the pipeline's own.
    """

    def __init__(
        self,
        records: Records,
        repository: Repository,
        tool: ci_local.Tool,
        directory: Path,
        clone_url: str,
        variables_of: Callable[[Pipeline, Job], dict[str, str]],
    ) -> None:
        self._records = records
        self._repository = repository
        self._tool = tool
        self._directory = directory
        self._builds = directory / "builds"
        self._traces = directory / "traces"
        self._clone_url = clone_url
        self._variables_of = variables_of
        self._threads = ThreadPoolExecutor(_CONCURRENT, "gitlab-runner")
        self._processes: dict[int, subprocess.Popen[str]] = {}
        self._stopped = False
        shutil.rmtree(self._builds, ignore_errors=True)
        self._builds.mkdir(parents=True)
        self._traces.mkdir(exist_ok=True)

    def advance(self, pipeline: Pipeline) -> None:
        """Start every job of a pipeline that may start."""
        with self._records.lock:
            changed = True
            while changed:
                changed = False
                for job in pipeline.jobs:
                    status = next_status(job, pipeline.jobs) if job.status == CREATED else None
                    if status is None:
                        continue
                    changed = True
                    if status == PENDING:
                        self._enqueue(pipeline, job)
                    else:
                        job.finish(status)
            pipeline.touch()
            self._records.save()

    def play(self, pipeline: Pipeline, job: Job, variables: Mapping[str, str]) -> bool:
        """Start a manual job; False if it cannot be played now."""
        with self._records.lock:
            if job.status != MANUAL:
                return False
            job.played = True
            job.variables = dict(variables)
            self._enqueue(pipeline, job)
            pipeline.touch()
            self._records.save()
            return True

    def cancel(self, pipeline: Pipeline, interruptible_only: bool = False) -> None:
        """Cancel running and waiting jobs, with `interruptible_only` none of the others."""
        with self._records.lock:
            for job in pipeline.jobs:
                if job.status in FINISHED or (interruptible_only and not job.interruptible):
                    continue
                job.finish(CANCELED)
                self._end(job.id)
            pipeline.touch()
            self._records.save()
            self._start_what_waits()

    def cancel_redundant(self, newer: Pipeline, head: str | None) -> None:
        """Cancel the older pipelines of other commits of its ref, unless they say otherwise.

        As `Ci::PipelineCreation::CancelRedundantPipelinesService` does for each new pipeline.
        """
        with self._records.lock:
            for older in self._records.pipelines.values():
                if older.id >= newer.id or older.ref != newer.ref:
                    continue
                if older.sha in (newer.sha, head) or older.status not in {CREATED, *ACTIVE}:
                    continue
                if older.on_new_commit == "interruptible":
                    self.cancel(older, interruptible_only=True)
                elif older.on_new_commit == "conservative" and not older.has_started_for_good:
                    self.cancel(older)

    def trace(self, job_id: int) -> str:
        """A job's log so far."""
        file = self._trace_file(job_id)
        return file.read_text(encoding="utf-8") if file.is_file() else ""

    def stop(self) -> None:
        """End every job; the next server marks them as failed."""
        with self._records.lock:
            self._stopped = True
            for job_id in list(self._processes):
                self._end(job_id)
        self._threads.shutdown(wait=True, cancel_futures=True)

    def clone(self, name: str, pipeline_ref: str, sha: str) -> Path:
        """A fresh checkout for one job, or for reading a pipeline's configuration."""
        to = self._builds / name
        self._repository.clone(pipeline_ref, sha, to, self._clone_url)
        return to

    def _enqueue(self, pipeline: Pipeline, job: Job) -> None:
        job.queued_at = now()
        if job.resource_group and self._holder(job.resource_group):
            job.status = WAITING
            return
        job.status = PENDING
        self._threads.submit(self._run, pipeline, job)

    def _holder(self, resource_group: str) -> Job | None:
        """The job, of any pipeline, that holds the resource."""
        for pipeline in self._records.pipelines.values():
            for job in pipeline.jobs:
                if job.resource_group == resource_group and job.status in {PENDING, RUNNING}:
                    return job
        return None

    def _start_what_waits(self) -> None:
        """Give freed resources to the jobs of the oldest pipeline first."""
        for pipeline in self._records.pipelines.values():
            for job in pipeline.jobs:
                if job.status == WAITING:
                    self._enqueue(pipeline, job)
                    pipeline.touch()
        self._records.save()

    def _run(self, pipeline: Pipeline, job: Job) -> None:
        with self._records.lock:
            if job.status != PENDING or self._stopped:
                return
            job.status = RUNNING
            job.started_at = now()
            pipeline.touch()
            self._records.save()
        try:
            status, reason = self._execute(pipeline, job)
        except Exception as error:  # a runner reports its own failures as the job's
            self._trace_file(job.id).write_text(f"ERROR: {error}\n", encoding="utf-8")
            status, reason = FAILED, "runner_system_failure"
        with self._records.lock:
            self._processes.pop(job.id, None)
            if job.status in ACTIVE and not self._stopped:
                job.finish(status, reason)
            if not self._stopped:
                self.advance(pipeline)
                self._start_what_waits()
            if pipeline.status in FINISHED and not any(it.status == MANUAL for it in pipeline.jobs):
                shutil.rmtree(self._artifacts_of(pipeline), ignore_errors=True)

    def _execute(self, pipeline: Pipeline, job: Job) -> tuple[str, str | None]:
        variables = self._variables_of(pipeline, job)
        secrets = sorted(
            {
                value
                for name, value in variables.items()
                if _MASKED.search(name) and len(value) >= _SHORTEST_MASKED
            },
            key=len,
            reverse=True,
        )
        clone = self.clone(f"job-{job.id}", pipeline.ref, pipeline.sha)
        artifacts = clone / ci_local.STATE / "artifacts"
        kept = self._artifacts_of(pipeline)
        if kept.is_dir():
            shutil.copytree(kept, artifacts, symlinks=True)
        with self._trace_file(job.id).open("w", encoding="utf-8", buffering=1) as trace:

            def log(line: str) -> None:
                for secret in secrets:
                    line = line.replace(secret, "[MASKED]")
                trace.write(line)

            passed = ci_local.run(
                *(self._tool, clone, job.name, variables, log),
                started=lambda process: self._started(job, process),
            )
            trace.write("Job succeeded\n" if passed else "ERROR: Job failed\n")
        if artifacts.is_dir():
            shutil.copytree(artifacts, kept, symlinks=True, dirs_exist_ok=True)
        shutil.rmtree(clone)
        return (SUCCESS, None) if passed else (FAILED, "script_failure")

    def _started(self, job: Job, process: "subprocess.Popen[str]") -> None:
        with self._records.lock:
            self._processes[job.id] = process
            if job.status != RUNNING or self._stopped:
                self._end(job.id)

    def _end(self, job_id: int) -> None:
        process = self._processes.get(job_id)
        if process is not None and process.poll() is None:
            with suppress(ProcessLookupError):  # it ended by itself just now
                os.killpg(process.pid, signal.SIGKILL)

    def _artifacts_of(self, pipeline: Pipeline) -> Path:
        """The artifacts of its jobs, a folder per job, in gitlab-ci-local's layout."""
        return self._directory / "artifacts" / str(pipeline.id)

    def _trace_file(self, job_id: int) -> Path:
        return self._traces / f"{job_id}.log"
