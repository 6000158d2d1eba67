"""GitLab: what the product relies on when it triggers, finds and watches CI pipelines."""

from __future__ import annotations

from tests.conformance.account import Account
from tests.conformance.fact import fact
from tests.conformance.gitlab_project import NO_ONE

API = "https://docs.gitlab.com/api"
SETTING = "a change of who may set pipeline variables, restored at the end"


@fact(
    "A token may ask when it expires",
    f"{API}/personal_access_tokens/#get-details-on-a-personal-access-token",
    "expires_at",
    needs="GITLAB",
)
def expiry_of_the_token(account: Account) -> str:
    token = account.gitlab.api.personal_access_tokens.get("self")
    return "expires_at" if "expires_at" in token.attributes else "absent"


@fact(
    "A trigger for a branch that is not there is refused",
    "https://gitlab.com/gitlab-org/gitlab/-/blob/master/lib/gitlab/ci/pipeline/chain/validate/repository.rb",
    "refused: 400: Reference not found",
    creates=SETTING,
    needs="GITLAB",
)
def trigger_for_a_missing_branch(account: Account) -> str:
    account.gitlab.let_set_variables("developer", account.journal)
    return account.gitlab.refusal(account.name("no-branch"))


@fact(
    "Where no one may set pipeline variables, a trigger is refused even without any",
    "https://gitlab.com/gitlab-org/gitlab/-/issues/557381",
    "refused: 400: Insufficient permissions to set pipeline variables",
    creates=SETTING,
    needs="GITLAB",
)
def trigger_where_no_one_may_set_variables(account: Account) -> str:
    project = account.gitlab
    project.let_set_variables(NO_ONE, account.journal)
    try:
        return project.refusal(project.project.default_branch)
    finally:
        project.let_set_variables("developer", account.journal)


@fact(
    "Pipelines are found by the name that the workflow gives them, and by no part of it",
    f"{API}/pipelines/#list-project-pipelines",
    "found by its name, not by a part",
    creates=f"a pipeline of a manual job; {SETTING}",
    needs="GITLAB",
)
def pipelines_by_name(account: Account) -> str:
    project, name = account.gitlab, account.name("pipeline")
    project.let_set_variables("developer", account.journal)
    made = project.trigger(project.project.default_branch, CONFORMANCE=name)
    account.journal.add("gitlab pipeline", str(made.id))

    def found(text: str) -> bool:
        return made.id in [one.id for one in project.project.pipelines.list(name=text, page=1)]

    return (
        f"{'found' if found(name) else 'not found'} by its name, "
        f"{'also' if found(name[:-1]) else 'not'} by a part"
    )
