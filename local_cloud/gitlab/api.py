"""GitLab's REST routes, with its responses and errors."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlencode

from local_cloud.gitlab import views
from local_cloud.gitlab.records import Job, Pipeline
from local_cloud.gitlab.service import Refused, Service
from local_cloud.gitlab.statuses import ALL
from local_cloud.gitlab.web_identity import discovery

_PAGE = 20
_MOST_PER_PAGE = 100


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request, read."""

    method: str
    path: str  # still percent-encoded: a project's path is one segment
    query: dict[str, str]
    headers: Mapping[str, str]  # names in lower case
    body: bytes = b""

    def json(self) -> dict[str, Any]:
        """The body, a JSON object; ValueError when it is not one."""
        document = json.loads(self.body or b"{}")
        if not isinstance(document, dict):
            raise ValueError("not a JSON object")
        return document


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: `content` is JSON unless it is a string, which is sent as text."""

    status: int
    content: Any
    headers: dict[str, str] = field(default_factory=dict)


class _Error(Exception):
    """An error answer on its way out."""

    def __init__(self, status: int, content: Any) -> None:
        super().__init__(status)
        self.answer = Answer(status, content)


_EXPIRED = "Token is expired. You can either do re-authorization or token refresh."
_NOT_FOUND = {"message": "404 Not found"}
_Route = Callable[["Api", Request, tuple[str, ...]], Answer]
_ROUTES: list[tuple[str, re.Pattern[str], _Route]] = []


def _route(method: str, pattern: str) -> Callable[[_Route], _Route]:
    """Register a method of Api; `:x` in the pattern is one segment of the path."""
    compiled = re.compile(re.sub(r":\w+", "([^/]+)", pattern) + "/?")

    def register(function: _Route) -> _Route:
        _ROUTES.append((method, compiled, function))
        return function

    return register


class Api:
    """The routes python-gitlab calls for a project, its pipelines and its jobs."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def handle(self, request: Request) -> Answer:
        """Answer any request."""
        for method, pattern, function in _ROUTES:
            if method == request.method and (found := pattern.fullmatch(request.path)):
                try:
                    return function(self, request, found.groups())
                except _Error as error:
                    return error.answer
        return Answer(404, {"error": "404 Not Found"})

    @_route("GET", "/api/v4/user")
    def user(self, request: Request, _: tuple[str, ...]) -> Answer:
        self._authenticate(request)
        return Answer(200, views.USER)

    @_route("GET", "/api/v4/personal_access_tokens/self")
    def token(self, request: Request, _: tuple[str, ...]) -> Answer:
        self._authenticate(request)
        return Answer(200, views.token(self._service.settings.token_expires))

    @_route("GET", "/api/v4/projects/:id")
    def project(self, request: Request, parts: tuple[str, ...]) -> Answer:
        self._project(request, parts[0])
        return Answer(200, views.project(self._service.project))

    @_route("POST", "/api/v4/projects/:id/trigger/pipeline")
    def trigger(self, request: Request, parts: tuple[str, ...]) -> Answer:
        body = _body(request)
        for name in ("ref", "token"):
            if not body.get(name):
                raise _Error(400, {"error": f"{name} is missing"})
        variables = body.get("variables") or {}
        if not _is_map_of_strings(variables):
            raise _Error(400, {"message": "variables needs to be a map of key-valued strings"})
        if body["token"] != self._service.tokens.trigger or not self._is_project(parts[0]):
            raise _Error(404, {"message": "404 Not Found"})
        return self._create(body["ref"], "trigger", variables)

    @_route("POST", "/api/v4/projects/:id/pipeline")
    def create(self, request: Request, parts: tuple[str, ...]) -> Answer:
        self._project(request, parts[0])
        body = _body(request)
        if not body.get("ref"):
            raise _Error(400, {"error": "ref is missing"})
        return self._create(body["ref"], "api", _list_of_variables(body.get("variables")))

    @_route("GET", "/api/v4/projects/:id/pipelines")
    def pipelines(self, request: Request, parts: tuple[str, ...]) -> Answer:
        self._project(request, parts[0])
        query = request.query
        status = query.get("status")
        if status is not None and status not in ALL:
            raise _Error(400, {"error": "status does not have a valid value"})
        order = query.get("order_by", "id")
        if order not in {"id", "status", "ref", "updated_at", "user_id"}:
            raise _Error(400, {"error": "order_by does not have a valid value"})
        with self._service.records.lock:
            found = [
                views.pipeline_in_list(pipeline, self._service.project)
                for pipeline in self._service.records.pipelines.values()
            ]
        for name in ("source", "ref", "name", "status", "sha"):
            if name in query:
                found = [item for item in found if item[name] == query[name]]
        found.sort(key=lambda item: item["id"])
        if order not in {"id", "user_id"}:
            found.sort(key=lambda item: str(item[order]))
        if query.get("sort", "desc") == "desc":
            found.reverse()
        return self._page(request, found)

    @_route("GET", "/api/v4/projects/:id/pipelines/:pid")
    def pipeline(self, request: Request, parts: tuple[str, ...]) -> Answer:
        return self._show(self._pipeline(request, parts))

    @_route("GET", "/api/v4/projects/:id/pipelines/:pid/variables")
    def variables(self, request: Request, parts: tuple[str, ...]) -> Answer:
        given = self._pipeline(request, parts).variables
        shape = {"variable_type": "env_var", "raw": False}
        return Answer(200, [{"key": key, "value": value, **shape} for key, value in given.items()])

    @_route("GET", "/api/v4/projects/:id/pipelines/:pid/jobs")
    def jobs(self, request: Request, parts: tuple[str, ...]) -> Answer:
        pipeline = self._pipeline(request, parts)
        with self._service.records.lock:
            shown = [views.job(job, pipeline, self._service.project) for job in pipeline.jobs]
        return self._page(request, sorted(shown, key=lambda job: -int(job["id"])))

    @_route("POST", "/api/v4/projects/:id/pipelines/:pid/cancel")
    def cancel(self, request: Request, parts: tuple[str, ...]) -> Answer:
        pipeline = self._pipeline(request, parts)
        self._service.runner.cancel(pipeline)
        return self._show(pipeline)

    @_route("GET", "/api/v4/projects/:id/jobs/:jid")
    def job(self, request: Request, parts: tuple[str, ...]) -> Answer:
        pipeline, job = self._job(request, parts)
        return Answer(200, views.job(job, pipeline, self._service.project))

    @_route("GET", "/api/v4/projects/:id/jobs/:jid/trace")
    def trace(self, request: Request, parts: tuple[str, ...]) -> Answer:
        return Answer(200, self._service.runner.trace(self._job(request, parts)[1].id))

    @_route("POST", "/api/v4/projects/:id/jobs/:jid/play")
    def play(self, request: Request, parts: tuple[str, ...]) -> Answer:
        pipeline, job = self._job(request, parts)
        variables = _list_of_variables(_body(request).get("job_variables_attributes"))
        if not self._service.runner.play(pipeline, job, variables):
            raise _Error(400, {"message": "400 Bad request - Unplayable Job"})
        return Answer(200, views.job(job, pipeline, self._service.project))

    @_route("GET", "/.well-known/openid-configuration")
    def openid(self, _: Request, __: tuple[str, ...]) -> Answer:
        return Answer(200, discovery(self._service.project.url))

    @_route("GET", "/oauth/discovery/keys")
    def keys(self, _: Request, __: tuple[str, ...]) -> Answer:
        return Answer(200, self._service.issuer.keys())

    def _create(self, ref: str, source: str, variables: dict[str, str]) -> Answer:
        try:
            pipeline = self._service.create(ref, source, variables)
        except Refused as refused:
            raise _Error(400, {"message": {"base": [str(refused)]}}) from None
        return self._show(pipeline, 201)

    def _show(self, pipeline: Pipeline, status: int = 200) -> Answer:
        with self._service.records.lock:
            return Answer(status, views.pipeline(pipeline, self._service.project))

    def _authenticate(self, request: Request) -> None:
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if request.headers.get("private-token", bearer) != self._service.tokens.api:
            raise _Error(401, {"message": "401 Unauthorized"})
        expires = self._service.settings.token_expires
        if expires and expires <= datetime.now(UTC).date().isoformat():
            raise _Error(401, {"error": "invalid_token", "error_description": _EXPIRED})

    def _is_project(self, identity: str) -> bool:
        project = self._service.project
        return unquote(identity) in {str(project.id), project.path}

    def _project(self, request: Request, identity: str) -> None:
        self._authenticate(request)
        if not self._is_project(identity):
            raise _Error(404, {"message": "404 Project Not Found"})

    def _pipeline(self, request: Request, parts: tuple[str, ...]) -> Pipeline:
        self._project(request, parts[0])
        pipeline = self._service.records.pipelines.get(_number(parts[1], "pipeline_id"))
        if pipeline is None:
            raise _Error(404, _NOT_FOUND)
        return pipeline

    def _job(self, request: Request, parts: tuple[str, ...]) -> tuple[Pipeline, Job]:
        self._project(request, parts[0])
        found = self._service.records.find_job(_number(parts[1], "job_id"))
        if found is None:
            raise _Error(404, _NOT_FOUND)
        return found

    def _page(self, request: Request, items: list[Any]) -> Answer:
        """One page of a list, with GitLab's paging headers."""
        page = max(_number(request.query.get("page", "1"), "page"), 1)
        wanted = _number(request.query.get("per_page", str(_PAGE)), "per_page")
        size = min(max(wanted, 1), _MOST_PER_PAGE)
        pages = max(-(-len(items) // size), 1)
        headers = {
            "X-Page": str(page),
            "X-Per-Page": str(size),
            "X-Total": str(len(items)),
            "X-Total-Pages": str(pages),
            "X-Next-Page": str(page + 1) if page < pages else "",
            "X-Prev-Page": str(page - 1) if page > 1 else "",
        }
        if page < pages:
            query = urlencode({**request.query, "page": page + 1, "per_page": size})
            url = f"{self._service.project.url}{request.path}?{query}"
            headers["Link"] = f'<{url}>; rel="next"'
        return Answer(200, items[(page - 1) * size : page * size], headers)


def _body(request: Request) -> dict[str, Any]:
    try:
        return request.json()
    except ValueError:
        raise _Error(400, {"error": "The request body is not a JSON object"}) from None


def _is_map_of_strings(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


def _list_of_variables(value: object) -> dict[str, str]:
    """`[{key, value}]` as a map."""
    items = value or []
    if not isinstance(items, list) or not all(
        isinstance(item, dict) and _is_map_of_strings(item) and {"key", "value"} <= set(item)
        for item in items
    ):
        raise _Error(400, {"error": "variables is invalid"})
    return {item["key"]: item["value"] for item in items}


def _number(text: str, name: str) -> int:
    if not re.fullmatch(r"\d+", text):
        raise _Error(400, {"error": f"{name} is invalid"})
    return int(text)
