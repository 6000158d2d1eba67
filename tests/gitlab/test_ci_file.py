"""The project's own .gitlab-ci.yml: which jobs run when."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from local_cloud.deploy import ci
from local_cloud.gitlab import ci_local
from tests.gitlab.own_project import ARN, REFRESH, UPSERT


@pytest.fixture(scope="module")
def planned(checkout: Path) -> Callable[..., ci_local.Plan]:
    def plan(**variables: str) -> ci_local.Plan:
        predefined = {
            "CI_DEFAULT_BRANCH": "main",
            "CI_COMMIT_BRANCH": "main",
            "CI_COMMIT_SHORT_SHA": "abcd1234",
            "CI_SERVER_URL": "https://gitlab.example",
        }
        tool = ci_local.Tool(checkout.parent)
        return ci_local.plan(tool, checkout, {**predefined, **variables})

    return plan


DEPLOYER = "arn:aws:iam::000000000000:role/deployer"
DEPLOYERS = {
    "AWS_DEPLOY_ROLE_ARN": DEPLOYER,
    "AWS_STAGING_DEPLOY_ROLE_ARN": DEPLOYER.replace("0" * 12, "1" * 12),
    "AWS_PRODUCTION_DEPLOY_ROLE_ARN": DEPLOYER.replace("0" * 12, "2" * 12),
}
PROMOTERS = {
    "AWS_STAGING_ROLE_ARN": "arn:aws:iam::111111111111:role/delivery",
    "AWS_PRODUCTION_ROLE_ARN": "arn:aws:iam::222222222222:role/delivery",
}


def test_a_refresh_runs_the_refresh_job_alone_under_its_name(planned: Any) -> None:
    plan = planned(**REFRESH, HEADRACE_REFRESH_ID="0123abcd")
    assert plan.name == f"refresh {ARN} 0123abcd"
    assert [job.name for job in plan.jobs] == ["refresh"]


def test_a_refresh_is_followed_by_staging_and_by_productions_gate(planned: Any) -> None:
    plan = planned(**REFRESH, **PROMOTERS)
    jobs = {job.name: job for job in plan.jobs}
    assert list(jobs) == ["refresh", "promote staging", "promote production"]
    assert [jobs[name].stage_index for name in jobs] == sorted({j.stage_index for j in plan.jobs})
    assert jobs["promote staging"].when == "on_success"
    gate = jobs["promote production"]
    assert (gate.when, gate.allow_failure) == ("manual", True)  # else the pipeline would wait


@pytest.mark.parametrize("account", ["STAGING", "PRODUCTION"])
def test_a_promotion_exists_where_its_role_does(planned: Any, account: str) -> None:
    variable = f"AWS_{account}_ROLE_ARN"
    plan = planned(**REFRESH, **{variable: PROMOTERS[variable]})
    assert [job.name for job in plan.jobs] == ["refresh", f"promote {account.lower()}"]


def test_nothing_is_destroyed_but_on_demand_and_by_hand(planned: Any) -> None:
    plan = planned(HEADRACE_ACTION="destroy", **DEPLOYERS)
    assert plan.name == "destroy"
    assert [(job.name, job.when) for job in plan.jobs] == [
        ("destroy", "manual"),
        ("destroy staging", "manual"),
        ("destroy production", "manual"),
    ]
    assert not any("destroy" in job.name for job in planned(**DEPLOYERS).jobs)


def test_an_upsert_runs_the_job_that_makes_the_pipelines_alone(planned: Any) -> None:
    assert [job.name for job in planned(**UPSERT).jobs] == ["pipelines"]
    every_project = planned(HEADRACE_ACTION="upsert")
    assert [job.name for job in every_project.jobs] == ["pipelines"]


@pytest.mark.parametrize("upsert", [UPSERT, {"HEADRACE_ACTION": "upsert"}, DEPLOYERS])
def test_what_writes_the_pipelines_of_one_account_runs_one_after_the_other(
    planned: Any, upsert: dict[str, str]
) -> None:
    writing = {
        job.name: job.resource_group
        for given in (upsert, REFRESH)
        for job in planned(**given, **PROMOTERS).jobs
        if job.name.startswith(("pipelines", "refresh", "promote"))
    }
    assert writing == {
        **dict.fromkeys(("pipelines", "refresh"), "pipelines"),
        **dict.fromkeys(("pipelines staging", "promote staging"), "pipelines staging"),
        **dict.fromkeys(("pipelines production", "promote production"), "pipelines production"),
    }


@pytest.mark.parametrize("upsert", [UPSERT, {"HEADRACE_ACTION": "upsert"}, DEPLOYERS])
def test_settings_reach_each_scoring_account_behind_its_own_gate(
    planned: Any, checkout: Path, upsert: dict[str, str]
) -> None:
    jobs = {job.name: job for job in planned(**upsert, **PROMOTERS).jobs}
    expanded = yaml.safe_load((checkout / ci_local.STATE / "expanded-gitlab-ci.yml").read_text())
    for account in ("staging", "production"):
        gate = jobs[f"pipelines {account}"]
        assert (gate.when, gate.allow_failure) == ("manual", True)
        assert gate.stage_index > max(
            (job.stage_index for name, job in jobs.items() if name.startswith("deploy")), default=-1
        )
        job = expanded[gate.name]
        assert job["environment"] == account
        assert job["variables"]["TO_ROLE_ARN"] == f"$AWS_{account.upper()}_ROLE_ARN"
        assert any("pipelines upsert" in line for line in job["script"])


@pytest.mark.parametrize(
    "given",
    [REFRESH | PROMOTERS, UPSERT, {"HEADRACE_ACTION": "upsert"}, {"HEADRACE_ACTION": "destroy"}],
)
def test_a_push_cancels_nothing_that_was_asked_for(planned: Any, given: dict[str, str]) -> None:
    plan = planned(**given, **DEPLOYERS)
    assert plan.on_new_commit == "none"
    assert not any(job.interruptible for job in plan.jobs)
    assert planned().on_new_commit == "conservative"


@pytest.mark.parametrize(
    "given",
    [
        {"HEADRACE_ACTION": "destroy everything"},
        {"HEADRACE_ACTION": "refresh", "HEADRACE_PROJECT": "abalone"},
    ],
)
def test_an_unknown_or_incomplete_action_makes_no_pipeline(
    planned: Any, given: dict[str, str]
) -> None:
    with pytest.raises(ci_local.FilteredByWorkflow):
        planned(**given)


def test_a_push_to_main_is_checked_tested_and_built(planned: Any) -> None:
    plan = planned()
    assert plan.name == "deliver abcd1234"
    assert [job.name for job in plan.jobs] == ["check", "test", "build"]


def test_a_deployment_shows_its_change_set_and_waits_for_a_person(planned: Any) -> None:
    plan = planned(AWS_DEPLOY_ROLE_ARN=DEPLOYER)
    names = {job.name: job for job in plan.jobs}
    assert list(names) == ["check", "test", "build", "plan", "deploy", "pipelines"]
    assert names["plan"].needs == ["build"]
    assert (names["deploy"].when, names["deploy"].allow_failure) == ("manual", False)
    assert names["pipelines"].stage_index > names["deploy"].stage_index


def test_each_account_has_its_plan_and_its_gate(planned: Any) -> None:
    names = {job.name: job for job in planned(**DEPLOYERS).jobs}
    for account in ("staging", "production"):
        assert f"plan {account}" in names
        gate = names[f"deploy {account}"]
        # The pipelines of the registry's account wait for its own deployment only.
        assert (gate.when, gate.allow_failure) == ("manual", True)


def test_a_merge_request_is_checked_and_never_deployed(planned: Any) -> None:
    plan = planned(
        **DEPLOYERS,
        CI_PIPELINE_SOURCE="merge_request_event",
        CI_COMMIT_BRANCH="topic",
        CI_COMMIT_REF_NAME="topic",
    )
    assert plan.name == "check topic"
    assert [job.name for job in plan.jobs] == ["check", "test", "build"]


def test_every_job_with_aws_has_the_region_in_both_variables(planned: Any, checkout: Path) -> None:
    planned(**DEPLOYERS)
    expanded = yaml.safe_load((checkout / ci_local.STATE / "expanded-gitlab-ci.yml").read_text())
    with_aws = {name: job for name, job in expanded.items() if "id_tokens" in job}
    assert len(with_aws) > len(DEPLOYERS)
    for name, job in with_aws.items():
        before = "\n".join(job["before_script"])
        for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            shown = subprocess.run(
                ["sh", "-ec", f"make() {{ :; }}\n{before}\necho $AWS_REGION $AWS_DEFAULT_REGION"],
                env={"VENV": "", "CI_PROJECT_DIR": "", "AWS_ROLE_ARN": "", variable: "eu-west-1"},
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            assert shown == "eu-west-1 eu-west-1\n", name


def test_the_laptops_gitlab_names_the_region_in_one_variable_as_the_readme_asks() -> None:
    given = ci.variables({"endpoint_url": "http://127.0.0.1:1", "region": "eu-west-1"}, Path())
    named = {name: value for name, value in given.items() if value == "eu-west-1"}
    assert named == {"AWS_REGION": "eu-west-1"}


def test_only_jobs_that_need_aws_get_a_token(planned: Any) -> None:
    plan = planned(AWS_DEPLOY_ROLE_ARN=DEPLOYER)
    with_token = {job.name: job.id_tokens for job in plan.jobs if job.id_tokens}
    token = {"AWS_ID_TOKEN": ["https://gitlab.example"]}
    assert with_token == {"plan": token, "deploy": token, "pipelines": token}
    promoting = planned(**REFRESH, **PROMOTERS)
    assert {job.name for job in promoting.jobs if job.id_tokens} == {j.name for j in promoting.jobs}
