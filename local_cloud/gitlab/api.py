"""GitLab's REST routes, with its responses and errors."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlencode

from local_cloud.gitlab import views
from local_cloud.gitlab.records import Job, Pipeline
from local_cloud.gitlab.requests import (
    Answer,
    Refusal,
    Request,
    is_map_of_strings,
    list_of_variables,
    number,
    read,
)
from local_cloud.gitlab.service import ROLES, Refused, Service
from local_cloud.gitlab.statuses import ALL
from local_cloud.gitlab.web_identity import discovery

_PAGE = 20
_MOST_PER_PAGE = 100


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
                except Refusal as error:
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
        settings = self._service.settings
        return Answer(200, views.project(self._service.project, settings.variables_role))

    @_route("PUT", "/api/v4/projects/:id")
    def change(self, request: Request, parts: tuple[str, ...]) -> Answer:
        self._project(request, parts[0])
        role = read(request).get(views.VARIABLES_ROLE)
        if role is None:
            why = f"{views.VARIABLES_ROLE} is missing, at least one parameter must be provided"
            raise Refusal(400, {"error": why})
        if role not in ROLES:
            raise Refusal(400, {"error": f"{views.VARIABLES_ROLE} does not have a valid value"})
        self._service.settings.variables_role = role
        return self.project(request, parts)

    @_route("POST", "/api/v4/projects/:id/trigger/pipeline")
    def trigger(self, request: Request, parts: tuple[str, ...]) -> Answer:
        body = read(request)
        for name in ("ref", "token"):
            if not body.get(name):
                raise Refusal(400, {"error": f"{name} is missing"})
        variables = body.get("variables") or {}
        if not is_map_of_strings(variables):
            raise Refusal(400, {"message": "variables needs to be a map of key-valued strings"})
        if body["token"] != self._service.tokens.trigger or not self._is_project(parts[0]):
            raise Refusal(404, {"message": "404 Not Found"})
        return self._create(body["ref"], "trigger", variables)

    @_route("POST", "/api/v4/projects/:id/pipeline")
    def create(self, request: Request, parts: tuple[str, ...]) -> Answer:
        self._project(request, parts[0])
        body = read(request)
        if not body.get("ref"):
            raise Refusal(400, {"error": "ref is missing"})
        return self._create(body["ref"], "api", list_of_variables(body.get("variables")))

    @_route("GET", "/api/v4/projects/:id/pipelines")
    def pipelines(self, request: Request, parts: tuple[str, ...]) -> Answer:
        self._project(request, parts[0])
        query = request.query
        status = query.get("status")
        if status is not None and status not in ALL:
            raise Refusal(400, {"error": "status does not have a valid value"})
        order = query.get("order_by", "id")
        if order not in {"id", "status", "ref", "updated_at", "user_id"}:
            raise Refusal(400, {"error": "order_by does not have a valid value"})
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

    @_route("DELETE", "/api/v4/projects/:id/pipelines/:pid")
    def delete(self, request: Request, parts: tuple[str, ...]) -> Answer:
        pipeline, records = self._pipeline(request, parts), self._service.records
        self._service.runner.cancel(pipeline)
        with records.lock:
            del records.pipelines[pipeline.id]
            records.save()
        return Answer(204, "")

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
        variables = list_of_variables(read(request).get("job_variables_attributes"))
        if not self._service.runner.play(pipeline, job, variables):
            raise Refusal(400, {"message": "400 Bad request - Unplayable Job"})
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
            raise Refusal(400, {"message": {"base": [str(refused)]}}) from None
        return self._show(pipeline, 201)

    def _show(self, pipeline: Pipeline, status: int = 200) -> Answer:
        with self._service.records.lock:
            return Answer(status, views.pipeline(pipeline, self._service.project))

    def _authenticate(self, request: Request) -> None:
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        if request.headers.get("private-token", bearer) != self._service.tokens.api:
            raise Refusal(401, {"message": "401 Unauthorized"})
        expires = self._service.settings.token_expires
        if expires and expires <= datetime.now(UTC).date().isoformat():
            raise Refusal(401, {"error": "invalid_token", "error_description": _EXPIRED})

    def _is_project(self, identity: str) -> bool:
        project = self._service.project
        return unquote(identity) in {str(project.id), project.path}

    def _project(self, request: Request, identity: str) -> None:
        self._authenticate(request)
        if not self._is_project(identity):
            raise Refusal(404, {"message": "404 Project Not Found"})

    def _pipeline(self, request: Request, parts: tuple[str, ...]) -> Pipeline:
        self._project(request, parts[0])
        pipeline = self._service.records.pipelines.get(number(parts[1], "pipeline_id"))
        if pipeline is None:
            raise Refusal(404, _NOT_FOUND)
        return pipeline

    def _job(self, request: Request, parts: tuple[str, ...]) -> tuple[Pipeline, Job]:
        self._project(request, parts[0])
        found = self._service.records.find_job(number(parts[1], "job_id"))
        if found is None:
            raise Refusal(404, _NOT_FOUND)
        return found

    def _page(self, request: Request, items: list[Any]) -> Answer:
        """One page of a list, with GitLab's paging headers."""
        page = max(number(request.query.get("page", "1"), "page"), 1)
        wanted = number(request.query.get("per_page", str(_PAGE)), "per_page")
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
