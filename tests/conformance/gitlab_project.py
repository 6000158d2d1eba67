"""The GitLab project that is asked: a scratch project that the user names.

Its default branch needs the file `scratch.gitlab-ci.yml` of this folder as `.gitlab-ci.yml`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gitlab
from gitlab.exceptions import GitlabError

from tests.conformance.journal import Journal

VARIABLES = ("GITLAB_TOKEN", "GITLAB_PROJECT", "GITLAB_TRIGGER_TOKEN")
ROLE = "ci_pipeline_variables_minimum_override_role"
NO_ONE = "no_one_allowed"


class GitLabProject:
    """A project, seen with a token of scope `api` whose owner is a maintainer, and a trigger token.

    What a probe makes or changes is journaled; `undo` deletes or restores it.
    """

    def __init__(self, url: str, token: str, path: str, trigger_token: str) -> None:
        self.api = gitlab.Gitlab(url, private_token=token, timeout=30)
        self.project: Any = self.api.projects.get(path)
        self.trigger_token = trigger_token
        self.undo: dict[str, Callable[[str], None]] = {
            "gitlab pipeline": self._delete_pipeline,
            "gitlab variables role": self._set_role,
        }

    @classmethod
    def given(cls, url: str, environment: Mapping[str, str]) -> GitLabProject:
        """Return the project of the environment; KeyError names a variable that is missing."""
        token, path, trigger_token = (environment[name] for name in VARIABLES)
        return cls(url, token, path, trigger_token)

    @property
    def version(self) -> str:
        """GitLab's version, or "unknown" where it does not say."""
        return str(self.api.version()[0])

    def trigger(self, ref: str, **variables: str) -> Any:
        """Trigger a pipeline as the product does."""
        return self.project.trigger_pipeline(ref, self.trigger_token, variables)

    def refusal(self, ref: str, **variables: str) -> str:
        """Return "accepted", or "refused: STATUS: MESSAGE"."""
        try:
            self.trigger(ref, **variables).delete()
        except GitlabError as error:
            message = error.error_message
            base = message.get("base", message) if isinstance(message, dict) else message
            text = ", ".join(map(str, base)) if isinstance(base, list) else str(base)
            return f"refused: {error.response_code}: {text}"
        return "accepted"

    def let_set_variables(self, role: str, journal: Journal) -> None:
        """Change who may set pipeline variables, and journal what it was."""
        before = getattr(self.project, ROLE)
        if before != role:
            journal.add("gitlab variables role", before)
            self._set_role(role)

    def _set_role(self, role: str) -> None:
        setattr(self.project, ROLE, role)
        self.project.save()

    def _delete_pipeline(self, number: str) -> None:
        self.project.pipelines.delete(int(number))
