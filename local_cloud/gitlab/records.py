"""Pipelines and jobs as GitLab knows them, and the JSON file that keeps them across restarts."""

import json
import threading
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local_cloud.gitlab.statuses import (
    ACTIVE,
    CREATED,
    FAILED,
    FINISHED,
    MANUAL,
    SKIPPED,
    STARTED,
    pipeline_status,
)


def now() -> str:
    """The time as GitLab's API writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds_between(start: str | None, end: str | None) -> float | None:
    """How long it took, in seconds, when both ends are known."""
    if start is None or end is None:
        return None
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


@dataclass
class Job:
    """One job of one pipeline. `needs` is None where the job waits for all earlier stages."""

    id: int
    pipeline_id: int
    name: str
    stage: str
    stage_index: int
    when: str
    allow_failure: bool
    needs: list[str] | None
    resource_group: str | None
    id_tokens: dict[str, list[str]]  # variable -> audiences
    interruptible: bool = False
    status: str = CREATED
    played: bool = False
    variables: dict[str, str] = field(default_factory=dict)  # given when played
    failure_reason: str | None = None
    created_at: str = field(default_factory=now)
    queued_at: str | None = None
    started_at: str | None = None
    finished_at: str | None = None

    def finish(self, status: str, failure_reason: str | None = None) -> None:
        """End in `status`; a job that never started has no times."""
        self.status = status
        self.failure_reason = failure_reason
        self.finished_at = now() if self.started_at else None


@dataclass
class Pipeline:
    """One pipeline and its jobs, in the order of their stages."""

    id: int
    sha: str
    ref: str
    source: str
    name: str | None
    variables: dict[str, str]
    jobs: list[Job] = field(default_factory=list)
    yaml_errors: str | None = None
    on_new_commit: str = "conservative"
    created_at: str = field(default_factory=now)
    updated_at: str = field(default_factory=now)
    started_at: str | None = None
    finished_at: str | None = None

    @property
    def status(self) -> str:
        """GitLab's one word for all the jobs together."""
        return FAILED if self.yaml_errors else pipeline_status(self.jobs)

    @property
    def has_started_for_good(self) -> bool:
        """Whether a job started that no newer commit may interrupt."""
        return any(job.status in STARTED and not job.interruptible for job in self.jobs)

    def job(self, name: str) -> Job | None:
        """The job of that name, if the rules let it into this pipeline."""
        return next((job for job in self.jobs if job.name == name), None)

    def touch(self) -> None:
        """Record that a job changed, and update the pipeline's times."""
        self.updated_at = now()
        status = self.status
        if self.started_at is None and any(job.started_at for job in self.jobs):
            self.started_at = self.updated_at
        if status in FINISHED:
            self.finished_at = self.finished_at or self.updated_at
        else:
            self.finished_at = None


class Records:
    """All pipelines, written to one JSON file after each change. Hold `lock` to read or change."""

    def __init__(self, file: Path) -> None:
        self.lock = threading.RLock()
        self._file = file
        self.pipelines: dict[int, Pipeline] = {}
        self._last_pipeline = 0
        self._last_job = 0
        if file.is_file():
            for item in json.loads(file.read_text(encoding="utf-8")):
                jobs = [Job(**job) for job in item.pop("jobs")]
                self.pipelines[item["id"]] = Pipeline(jobs=jobs, **item)
                self._last_job = max([self._last_job, *(job.id for job in jobs)])
            self._last_pipeline = max(self.pipelines, default=0)
            self._end_what_the_last_server_left()

    def next_pipeline_id(self) -> int:
        """Ids grow and are never used twice."""
        with self.lock:
            self._last_pipeline += 1
            return self._last_pipeline

    def next_job_id(self) -> int:
        """Ids grow and are never used twice."""
        with self.lock:
            self._last_job += 1
            return self._last_job

    def find_job(self, job_id: int) -> tuple[Pipeline, Job] | None:
        """A job with its pipeline."""
        for pipeline in self.pipelines.values():
            for job in pipeline.jobs:
                if job.id == job_id:
                    return pipeline, job
        return None

    def save(self) -> None:
        """Write everything; a crash leaves the file before or after, never between."""
        document: list[dict[str, Any]] = [asdict(pipeline) for pipeline in self.pipelines.values()]
        draft = self._file.with_suffix(".new")
        draft.write_text(json.dumps(document, indent=1), encoding="utf-8")
        draft.replace(self._file)

    def _end_what_the_last_server_left(self) -> None:
        """Its processes are gone: running jobs fail, jobs needing them are skipped; gates stay."""
        for pipeline in self.pipelines.values():
            lost = [job for job in pipeline.jobs if job.status in ACTIVE]
            waiting = [job for job in pipeline.jobs if job.status in {CREATED, MANUAL}]
            at_a_gate = any(job.status == MANUAL for job in pipeline.jobs) and not lost
            if pipeline.status in FINISHED or at_a_gate:
                continue
            for job in lost or waiting:
                job.finish(FAILED, "runner_system_failure")
            for job in waiting:
                if job.status != FAILED:
                    job.finish(SKIPPED)
            pipeline.touch()
        self.save()
