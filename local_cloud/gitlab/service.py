"""What this GitLab does, apart from HTTP: its project, its tokens, and making pipelines."""

import json
import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from local_cloud.gitlab import ci_local
from local_cloud.gitlab.records import Job, Pipeline, Records
from local_cloud.gitlab.repository import DEFAULT_BRANCH, Repository
from local_cloud.gitlab.runner import Runner
from local_cloud.gitlab.views import USER, Project
from local_cloud.gitlab.web_identity import Issuer, write_private

# GitLab's own words.
REFERENCE_NOT_FOUND = "Reference not found"
FILTERED = "Pipeline filtered out by workflow rules."
NO_JOBS = (
    "Pipeline will not run for the selected trigger. "
    "The rules configuration prevented any jobs from being added to the pipeline."
)
TOO_MANY = "Too many pipelines created in the last minute. Try again later."
NO_VARIABLES = "Insufficient permissions to set pipeline variables"
NO_ONE = "no_one_allowed"
ROLES = ("developer", "maintainer", "owner", NO_ONE)


class Refused(Exception):
    """GitLab creates no pipeline; the message is what its API returns under `base`."""


@dataclass(frozen=True, repr=False)
class Tokens:
    """A caller's tokens. They have no repr, so that no message shows them by accident."""

    trigger: str
    api: str

    @classmethod
    def kept_in(cls, file: Path) -> "Tokens":
        """The saved tokens, or new ones."""
        if file.is_file():
            return cls(**json.loads(file.read_text(encoding="utf-8")))
        new = cls(f"glptt-{secrets.token_hex(20)}", f"glpat-{secrets.token_urlsafe(15)}")
        write_private(file, json.dumps(asdict(new)).encode())
        return new


@dataclass
class Settings:
    """What an administrator of a real GitLab may have set."""

    pipelines_per_minute: int | None = None
    variables_role: str = "developer"  # the least that may set pipeline variables, of ROLES
    token_expires: str | None = None  # ISO date, at whose beginning the API token ends


class Service:
    """One GitLab with one project: the files of `root`."""

    def __init__(self, root: Path, state_dir: Path, url: str, variables: Mapping[str, str]) -> None:
        state_dir.mkdir(parents=True, exist_ok=True)
        home = state_dir / "home"
        home.mkdir(exist_ok=True)
        self.project = Project(url)
        self.tokens = Tokens.kept_in(state_dir / "tokens.json")
        self.issuer = Issuer(state_dir / "id-token-key.pem")
        self.variables = dict(variables)
        self.settings = Settings()
        self.repository = Repository(root, state_dir / "repository.git")
        self.repository.push()
        self.records = Records(state_dir / "pipelines.json")
        self._tool = ci_local.Tool(home)
        self._created: list[float] = []
        self.runner = Runner(
            *(self.records, self.repository, self._tool, state_dir),
            clone_url=f"{self.project.web_url}.git",
            variables_of=self._variables_of,
        )

    def create(self, ref: str, source: str, variables: Mapping[str, str]) -> Pipeline:
        """Make a pipeline and start it. Raises Refused."""
        forbidden = self.settings.variables_role == NO_ONE
        if forbidden and (variables or source == "trigger"):
            raise Refused(NO_VARIABLES)
        sha = self.repository.resolve(ref)
        if sha is None:
            raise Refused(REFERENCE_NOT_FOUND)
        self._count_pipeline()
        number = self.records.next_pipeline_id()
        pipeline = Pipeline(number, sha, ref, source, None, dict(variables))
        given = self._pipeline_variables(pipeline)
        clone = self.runner.clone(f"pipeline-{pipeline.id}", ref, sha)
        try:
            plan = ci_local.plan(self._tool, clone, given)
        except ci_local.FilteredByWorkflow:
            raise Refused(FILTERED) from None
        except ci_local.InvalidConfiguration as error:
            if source != "trigger":  # a trigger leaves a failed pipeline behind
                raise Refused(str(error)) from None
            pipeline.yaml_errors = str(error)
            plan = ci_local.Plan(None, [])
        finally:
            shutil.rmtree(clone)
        if not plan.jobs and not pipeline.yaml_errors:
            raise Refused(NO_JOBS)
        with self.records.lock:
            pipeline.name, pipeline.on_new_commit = plan.name, plan.on_new_commit
            pipeline.jobs = [
                Job(id=self.records.next_job_id(), pipeline_id=pipeline.id, **asdict(job))
                for job in plan.jobs
            ]
            self.records.pipelines[pipeline.id] = pipeline
            self.runner.cancel_redundant(pipeline, self.repository.resolve(ref))
            self.runner.advance(pipeline)
        return pipeline

    def _count_pipeline(self) -> None:
        limit = self.settings.pipelines_per_minute
        minute_ago = time.monotonic() - 60
        self._created = [at for at in self._created if at > minute_ago]
        if limit is not None and len(self._created) >= limit:
            raise Refused(TOO_MANY)
        self._created.append(time.monotonic())

    def _pipeline_variables(self, pipeline: Pipeline) -> dict[str, str]:
        """Predefined, the project's, and the ones given; later ones win."""
        host = self.project.url.partition("://")[2]
        return {
            "CI": "true",
            "GITLAB_CI": "true",
            "CI_PIPELINE_ID": str(pipeline.id),
            "CI_PIPELINE_IID": str(pipeline.id),
            "CI_PIPELINE_SOURCE": pipeline.source,
            "CI_PIPELINE_URL": f"{self.project.web_url}/-/pipelines/{pipeline.id}",
            "CI_PIPELINE_CREATED_AT": pipeline.created_at,
            "CI_COMMIT_SHA": pipeline.sha,
            "CI_COMMIT_SHORT_SHA": pipeline.sha[:8],
            "CI_COMMIT_REF_NAME": pipeline.ref,
            "CI_COMMIT_BRANCH": pipeline.ref,
            "CI_COMMIT_REF_PROTECTED": "true",
            "CI_DEFAULT_BRANCH": DEFAULT_BRANCH,
            "CI_PROJECT_ID": str(self.project.id),
            "CI_PROJECT_PATH": self.project.path,
            "CI_PROJECT_URL": self.project.web_url,
            "CI_SERVER_URL": self.project.url,
            "CI_SERVER_FQDN": host,
            "CI_API_V4_URL": f"{self.project.url}/api/v4",
            "GITLAB_USER_LOGIN": str(USER["username"]),
            **self.variables,
            **pipeline.variables,
        }

    def _variables_of(self, pipeline: Pipeline, job: Job) -> dict[str, str]:
        namespace = self.project.path.rpartition("/")[0]
        claims = {
            "sub": f"project_path:{self.project.path}:ref_type:branch:ref:{pipeline.ref}",
            "namespace_path": namespace,
            "project_id": str(self.project.id),
            "project_path": self.project.path,
            "user_login": str(USER["username"]),
            "pipeline_id": str(pipeline.id),
            "pipeline_source": pipeline.source,
            "job_id": str(job.id),
            "ref": pipeline.ref,
            "ref_type": "branch",
            "ref_path": f"refs/heads/{pipeline.ref}",
            "ref_protected": "true",
            "runner_environment": "self-hosted",
            "sha": pipeline.sha,
        }
        return {
            **self._pipeline_variables(pipeline),
            "CI_JOB_ID": str(job.id),
            "CI_JOB_URL": f"{self.project.web_url}/-/jobs/{job.id}",
            **{
                name: self.issuer.token(self.project.url, audiences, claims)
                for name, audiences in job.id_tokens.items()
            },
            **job.variables,
        }
