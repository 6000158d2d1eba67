"""gitlab-ci-local: plans a pipeline, and runs one job of it.

It reads `.gitlab-ci.yml` (includes, extends, rules, variables) and runs scripts. This module and
`runner` add what it lacks: filtering by `workflow: rules`, `workflow: name`, `id_tokens`.
"""

import base64
import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from local_cloud.gitlab import node

STATE = ".gitlab-ci-local"
_WORKFLOW = "headrace:workflow:"  # a job for each rule of `workflow`, so that it is evaluated
_USUAL_AUTO_CANCEL = "conservative"
_CONDITIONS = ("if", "changes", "exists")
_SHELL = ("--force-shell-executor", "--no-json-schema-validation", "--no-color")
_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")


class InvalidConfiguration(Exception):
    """`.gitlab-ci.yml` cannot be used; the message is gitlab-ci-local's."""


class FilteredByWorkflow(Exception):
    """`workflow: rules` allow no pipeline for these variables."""


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """A job that the rules include, as `.gitlab-ci.yml` describes it."""

    name: str
    stage: str
    stage_index: int
    when: str
    allow_failure: bool
    needs: list[str] | None
    resource_group: str | None
    id_tokens: dict[str, list[str]]
    interruptible: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """A pipeline before it runs. `on_new_commit` is that of `auto_cancel`."""

    name: str | None
    jobs: list[PlannedJob]
    on_new_commit: str = _USUAL_AUTO_CANCEL


@dataclass(frozen=True, slots=True)
class Tool:
    """How to call gitlab-ci-local: with a home folder without user settings."""

    home: Path

    def command(self, *arguments: str) -> list[str]:
        """Its argument list."""
        return node.gitlab_ci_local(*_SHELL, *arguments)

    def environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Its environment, with the CI/CD variables, since any user can read an argument list."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name in _INHERITED or name.lower().endswith("_proxy")
        }
        return {
            **inherited,
            "HOME": str(self.home),
            "NODE_COMPILE_CACHE": str(self.home / "node-compile-cache"),
            "GCL_IGNORE_PREDEFINED_VARS": ",".join(variables),
            **{f"GCL_VARIABLE_{name}": value for name, value in variables.items()},
        }


def plan(tool: Tool, clone: Path, variables: Mapping[str, str]) -> Plan:
    """Which jobs a pipeline of this clone with these variables has.

    Raises InvalidConfiguration and FilteredByWorkflow.
    """
    workflow = _workflow(clone / ".gitlab-ci.yml")
    rules: list[dict[str, Any]] = workflow.get("rules") or [{}]
    probes = {f"{_WORKFLOW}{number}": _probe(rule) for number, rule in enumerate(rules)}
    (clone / ".gitlab-ci-local.yml").write_text(json.dumps(probes), encoding="utf-8")
    done = subprocess.run(
        tool.command("--list-json"),
        cwd=clone,
        env=tool.environment(variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise InvalidConfiguration(done.stderr.strip())
    listed = {job["name"]: job for job in json.loads(done.stdout)}
    matching = [
        rule for probe, rule in zip(probes, rules, strict=True) if _is_in(listed.pop(probe))
    ]
    if not matching or matching[0].get("when") == "never":
        raise FilteredByWorkflow
    auto_cancel = {**workflow.get("auto_cancel", {}), **matching[0].get("auto_cancel", {})}
    expanded = yaml.safe_load((clone / STATE / "expanded-gitlab-ci.yml").read_text("utf-8"))
    known = {**(expanded.get("variables") or {}), **variables}
    name = expand(workflow.get("name") or "", known).strip()
    stages: list[str] = expanded["stages"]
    jobs = [
        _planned(job, _definition(expanded, job["name"]), stages, known)
        for job in listed.values()
        if _is_in(job)
    ]
    on_new_commit = auto_cancel.get("on_new_commit", _USUAL_AUTO_CANCEL)
    return Plan(name or None, sorted(jobs, key=lambda job: job.stage_index), on_new_commit)


def run(
    tool: Tool,
    clone: Path,
    job: str,
    variables: Mapping[str, str],
    log: Callable[[str], object],
    started: Callable[["subprocess.Popen[str]"], object],
) -> bool:
    """Run one job's scripts in `clone`, passing each line to `log`; return whether they passed.

    `started` gets the process, a session leader, so that it can be stopped with all it started.
    """
    builds = clone / STATE / "builds"
    # Of a job with an `image` gitlab-ci-local says /builds/..., though the shell runs it here.
    places = {"CI_BUILDS_DIR": str(builds), "CI_PROJECT_DIR": str(builds / _folder(job))}
    process = subprocess.Popen(
        tool.command("--shell-isolation", "--no-artifacts-to-source", job),
        cwd=clone,
        env=tool.environment({**variables, **places}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    with process:
        started(process)
        passed = reported = False
        prefix = re.compile(rf"^{re.escape(job)} +(?:> ?|(?=\S))")
        for line in process.stdout or ():
            if re.match(r"^ (PASS|WARN|FAIL) ", line):
                reported = True
                passed = passed or line.split()[: 1 + len(job.split())] == ["PASS", *job.split()]
            elif prefix.match(line):
                log(prefix.sub("", line))
            elif not reported and not line.startswith("parsing and downloads"):
                log(line)
    return passed and process.returncode == 0


def expand(text: str, variables: Mapping[str, Any]) -> str:
    """`text` with `$NAME` and `${NAME}` replaced, also in their values; unknown ones are empty."""
    for _ in range(10):  # deeper nesting is a cycle
        new = re.sub(r"\$(?:(\w+)|\{(\w+)\})", lambda m: str(variables.get(m[1] or m[2], "")), text)
        if new == text:
            break
        text = new
    return text


class _Loader(yaml.SafeLoader):
    """Reads GitLab's `!reference` without following it."""


def _reference(loader: _Loader, at: yaml.Node) -> Any:
    return loader.construct_sequence(at) if isinstance(at, yaml.SequenceNode) else None


_Loader.add_constructor("!reference", _reference)


def _workflow(file: Path) -> dict[str, Any]:
    try:
        document = yaml.load(file.read_text(encoding="utf-8"), _Loader)  # noqa: S506 -- it is safe
    except FileNotFoundError:
        raise InvalidConfiguration("Missing CI config file") from None
    except yaml.YAMLError as error:
        raise InvalidConfiguration(f"Invalid configuration format: {error}") from error
    if not isinstance(document, dict):
        raise InvalidConfiguration("Invalid configuration format")
    return document.get("workflow") or {}


def _probe(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A job that is in the pipeline if a rule of `workflow` matches."""
    conditions = {key: rule[key] for key in _CONDITIONS if key in rule}
    return {"stage": ".pre", "script": ["true"], "rules": [conditions]}


def _is_in(listed: Mapping[str, Any]) -> bool:
    return bool(listed["when"] != "never")


def _definition(expanded: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A job's keywords; those of a matrix job are under its name without the matrix."""
    definition: dict[str, Any] = expanded.get(name) or expanded[name.partition(": [")[0]]
    return definition


def _planned(
    listed: Mapping[str, Any],
    definition: Mapping[str, Any],
    stages: list[str],
    variables: Mapping[str, Any],
) -> PlannedJob:
    needs = listed.get("needs")
    optional = listed["when"] == "manual" and not definition.get("rules")
    allow_failure = definition.get("allow_failure", True) if optional else listed["allow_failure"]
    group = expand(definition.get("resource_group") or "", variables)
    return PlannedJob(
        name=listed["name"],
        stage=listed["stage"],
        stage_index=stages.index(listed["stage"]),
        when=listed["when"],
        allow_failure=bool(allow_failure),
        needs=None if needs is None else [need["job"] for need in needs],
        resource_group=group or None,
        id_tokens={
            variable: [expand(audience, variables) for audience in _list(token["aud"])]
            for variable, token in (definition.get("id_tokens") or {}).items()
        },
        interruptible=bool(definition.get("interruptible", False)),
    )


def _folder(job: str) -> str:
    """The folder gitlab-ci-local runs a job in: other characters are in base64."""

    def encoded(match: re.Match[str]) -> str:
        return base64.urlsafe_b64encode(match[0].encode()).decode().rstrip("=")

    return re.sub(r"[^\w-]+", encoded, job, flags=re.ASCII)


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
