"""GitLab on a laptop: the REST routes python-gitlab uses, running the real .gitlab-ci.yml.

gitlab = start_gitlab(root, state_dir, {"VENV": "/prepared/environments"})
gitlab.url, gitlab.project_id, gitlab.api_token, gitlab.trigger_token
gitlab.stop()
"""

from collections.abc import Mapping
from pathlib import Path

from local_cloud.gitlab.api import Api
from local_cloud.gitlab.requests import Answer, Request
from local_cloud.gitlab.server import Around, Server
from local_cloud.gitlab.service import NO_ONE, Service

__all__ = ["GitLab", "start_gitlab"]


class GitLab:
    """A running GitLab with one project."""

    def __init__(self, server: Server, service: Service) -> None:
        self._server = server
        self._service = service

    @property
    def url(self) -> str:
        """Its URL; the same after a restart, unless another process took the port."""
        return self._server.url

    @property
    def project_id(self) -> int:
        """The project's number."""
        return self._service.project.id

    @property
    def project_path(self) -> str:
        """`group/project`, as in the `sub` of the tokens its jobs show to AWS."""
        return self._service.project.path

    @property
    def api_token(self) -> str:
        """A project access token with scope `api`."""
        return self._service.tokens.api

    @property
    def trigger_token(self) -> str:
        """A pipeline trigger token."""
        return self._service.tokens.trigger

    def set_variables(self, variables: Mapping[str, str]) -> None:
        """Add or replace project CI/CD variables for the jobs to come; never written to disk."""
        self._service.variables = {**self._service.variables, **variables}

    def push(self) -> str:
        """Push the working tree's current files to the branch `main`; return its commit."""
        return self._service.repository.push()

    def down(self, is_down: bool, *, refuse: bool = False) -> None:
        """Answer 503 to everything, or with `refuse` accept no connections, until switched back."""
        self._server.faults.down = is_down and not refuse
        self._server.refuse(is_down and refuse)

    def throttle(self, requests: int, retry_after: int) -> None:
        """Answer the next `requests` with 429 and `Retry-After: retry_after` (seconds)."""
        faults = self._server.faults
        with faults.lock:
            faults.throttled, faults.retry_after = requests, retry_after

    def delay(self, seconds: float) -> None:
        """Take this long for every answer."""
        self._server.faults.delay = seconds

    def surround(self, around: Around) -> None:
        """Wrap the handling of each request in `around(request, answer)`."""
        self._server.around = around

    def limit(self, pipelines_per_minute: int | None) -> None:
        """Reject more pipelines than this in a minute, as gitlab.com does at 25."""
        self._service.settings.pipelines_per_minute = pipelines_per_minute

    def allow_variables(self, allowed: bool) -> None:
        """The project's setting "minimum role to use pipeline variables": everybody or nobody."""
        self._service.settings.variables_role = "developer" if allowed else NO_ONE

    def expire_token(self, on: str | None) -> None:
        """Let the API token end at the beginning of an ISO date (UTC), or never."""
        self._service.settings.token_expires = on

    def stop(self) -> None:
        """End jobs and server; pipelines and tokens stay in the state directory."""
        self._server.refuse(True)
        self._service.runner.stop()

    def _admin(self, request: Request) -> Answer:
        """POST /-/faults {down, refuse, throttle: [requests, retry_after], delay}; POST /-/push"""
        if request.headers.get("private-token") != self.api_token:
            return Answer(401, {"message": "401 Unauthorized"})
        if (request.method, request.path) == ("POST", "/-/push"):
            return Answer(200, {"sha": self.push()})
        if (request.method, request.path) != ("POST", "/-/faults"):
            return Answer(404, {"error": "404 Not Found"})
        try:
            body = request.json()
        except ValueError as error:
            return Answer(400, {"error": str(error)})
        if "down" in body:
            self.down(bool(body["down"]))
        if "throttle" in body:
            self.throttle(*(int(number) for number in body["throttle"]))
        if "delay" in body:
            self.delay(float(body["delay"]))
        return Answer(200, body)


def start_gitlab(
    root: Path, state_dir: Path, variables: Mapping[str, str], *, admin: bool = False
) -> GitLab:
    """Start a GitLab whose project holds the files of `root` and these CI/CD variables.

    With `admin` the faults can also be switched over HTTP, with the API token.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    port_file = state_dir / "port"
    server = Server(int(port_file.read_text()) if port_file.is_file() else 0)
    port_file.write_text(str(server.port))
    service = Service(root, state_dir, server.url, variables)
    gitlab = GitLab(server, service)
    api = Api(service)

    def answer(request: Request) -> Answer:
        if admin and request.path.startswith("/-/"):
            return gitlab._admin(request)
        return api.handle(request)

    server.open(answer)
    return gitlab
