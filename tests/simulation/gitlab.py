"""GitLab, in place of the adapter `GitLab`: CI pipelines by name, one at a time per project."""

from dataclasses import dataclass
from typing import Any

from headrace.adapters.gitlab_ci import ApiToken, CiJob, CiPipeline
from headrace.domain.errors import RetryableError
from headrace.use_cases.refresh_inference import ci_name

from tests.simulation.clock import MINUTE
from tests.simulation.faults import Faults

URL = "https://gitlab.example"


@dataclass
class Refresh:
    """A CI pipeline; what succeeded put its version into the inference pipeline."""

    id: int
    name: str
    arn: str
    project: str
    triggered: float
    fails: bool
    status: str = "created"
    ended: float = 0.0


class SimulatedGitLab:
    """Looks, triggers and reads; errors and lost answers as `GitLab` raises them."""

    def __init__(self, faults: Faults) -> None:
        self._faults, self._clock, self.fail_share = faults, faults.clock, 0.1
        self.pipelines: list[Refresh] = []
        self._resource: dict[str, list[Refresh]] = {}
        self.inference: dict[str, str] = {}  # project -> what its inference pipeline holds

    def _around(self, label: str, apply: Any) -> Any:
        if self._faults.within(self._faults.mix.gitlab_down):
            raise RetryableError(f"{label}: GitLab did not answer (ConnectTimeout)")
        try:
            return self._faults.around(label, apply)
        except RetryableError:
            raise
        except Exception as error:
            if type(error).__module__.startswith("botocore"):  # an answer that never came
                raise RetryableError(f"{label}: GitLab did not answer") from None
            raise

    def token(self) -> ApiToken:
        return ApiToken("1", None, "secret")

    def trigger(self, variables: dict[str, str]) -> CiPipeline:
        assert variables["HEADRACE_ACTION"] == "refresh"

        def start() -> Refresh:
            arn, project = variables["MODEL_PACKAGE_ARN"], variables["HEADRACE_PROJECT"]
            made = Refresh(
                len(self.pipelines) + 1,
                ci_name(arn, variables["HEADRACE_REFRESH_ID"]),
                arn,
                project,
                self._clock.now,
                not arn.endswith("/1") and self._clock.random.random() < self.fail_share,
            )
            self.pipelines.append(made)
            waiting = self._resource.setdefault(project, [])
            waiting.append(made)
            if len(waiting) == 1:
                self._run(made)
            return made

        return self._seen(self._around("trigger", start))

    def find(self, name: str) -> CiPipeline | None:
        found = self._around(
            "find", lambda: next((p for p in reversed(self.pipelines) if p.name == name), None)
        )
        return self._seen(found) if found else None

    def status(self, pipeline_id: int) -> CiPipeline:
        return self._seen(self._around("status", lambda: self.pipelines[pipeline_id - 1]))

    def jobs(self, pipeline_id: int) -> list[CiJob]:
        return list(self._around("jobs", lambda: [CiJob("refresh", "failed", "its page")]))

    def _run(self, pipeline: Refresh) -> None:
        pipeline.status = "running"
        self._clock.after(self._clock.random.uniform(0.5, 5) * MINUTE, self._end, pipeline)

    def _end(self, pipeline: Refresh) -> None:
        pipeline.status = "failed" if pipeline.fails else "success"
        pipeline.ended = self._clock.now
        if not pipeline.fails:
            self.inference[pipeline.project] = pipeline.arn
        waiting = self._resource[pipeline.project]
        waiting.pop(0)
        if waiting:
            self._run(waiting[0])

    def _seen(self, pipeline: Refresh) -> CiPipeline:
        return CiPipeline(pipeline.id, pipeline.status, f"{URL}/{pipeline.id}")
