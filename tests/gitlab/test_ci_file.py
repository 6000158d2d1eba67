"""The project's own .gitlab-ci.yml: which jobs run when, and how they get into AWS."""

import base64
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from hosted_project import client, finished, jobs, trace

from local_cloud.gitlab import ci_local, start_gitlab
from local_cloud.gitlab.repository import Repository
from local_cloud.gitlab.web_identity import Issuer

ROOT = Path(__file__).parents[2]
ARN = "arn:aws:sagemaker:us-east-1:000000000000:model-package/headrace-abalone/1"
REFRESH = {"HEADRACE_ACTION": "refresh", "HEADRACE_PROJECT": "abalone", "MODEL_PACKAGE_ARN": ARN}
UPSERT = {"HEADRACE_ACTION": "upsert", "HEADRACE_PROJECT": "abalone"}
# Instead of the project's own command line: who am I, and what was asked of me.
COMMAND_LINE = """
import json, sys, boto3
identity = boto3.client("sts").get_caller_identity()["Arn"]
print("CALLED", json.dumps([*sys.argv[1:], identity]))
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the working tree as a push would leave it."""
    directory = tmp_path_factory.mktemp("checkout")
    repository = Repository(ROOT, directory / "repository.git")
    copy = directory / "project"
    repository.clone("main", repository.push(), copy, "http://127.0.0.1/headrace/headrace.git")
    (copy / "pipeline_specs" / "__main__.py").write_text(COMMAND_LINE)
    return copy


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
    assert gate.resource_group == "production-abalone"


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


def test_upsert_and_refresh_of_one_project_exclude_each_other(planned: Any) -> None:
    groups = {planned(**given).jobs[0].resource_group for given in (REFRESH, UPSERT)}
    assert groups == {"pipelines-abalone"}


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


def test_only_jobs_that_need_aws_get_a_token(planned: Any) -> None:
    plan = planned(AWS_DEPLOY_ROLE_ARN=DEPLOYER)
    with_token = {job.name: job.id_tokens for job in plan.jobs if job.id_tokens}
    token = {"AWS_ID_TOKEN": ["https://gitlab.example"]}
    assert with_token == {"plan": token, "deploy": token, "pipelines": token}
    promoting = planned(**REFRESH, **PROMOTERS)
    assert {job.name for job in promoting.jobs if job.id_tokens} == {j.name for j in promoting.jobs}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """MiniStack with IAM enforced: the boto3 arguments of its administrator."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    secret = "administrator-of-this-test"
    directory = tmp_path_factory.mktemp("ministack")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "AWS_ACCESS_KEY_ID": "administrator",
        "AWS_SECRET_ACCESS_KEY": secret,
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
    }
    endpoint = f"http://127.0.0.1:{port}"
    with (
        (directory / "log").open("w") as log,
        subprocess.Popen(
            [sys.executable, "-m", "ministack.app"],
            env=environment,
            stdout=log,
            stderr=log,
            cwd=directory,
        ) as process,
    ):
        try:
            _wait_for(f"{endpoint}/_ministack/health")
            yield {
                "endpoint_url": endpoint,
                "region_name": "us-east-1",
                "aws_access_key_id": "administrator",
                "aws_secret_access_key": secret,
            }
        finally:
            process.terminate()


def _wait_for(url: str) -> None:
    for _ in range(200):
        try:
            requests.get(url, timeout=1)
            return
        except requests.ConnectionError:
            time.sleep(0.05)
    pytest.fail(f"nothing answers at {url}")


def _role(aws: dict[str, str], gitlab_url: str, project_path: str) -> str:
    """A role whose trust is that of the template's DeliveryRole."""
    host = gitlab_url.partition("://")[2]
    trust = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::000000000000:oidc-provider/{host}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {
                f"{host}:aud": gitlab_url,
                f"{host}:sub": f"project_path:{project_path}:ref_type:branch:ref:main",
            }
        },
    }
    role = boto3.client("iam", **aws).create_role(
        RoleName=f"delivery-{project_path.replace('/', '-')}",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    return str(role["Role"]["Arn"])


@pytest.fixture
def environments(tmp_path: Path) -> Path:
    """Environments prepared for the present locks; to build them anew would fail, not succeed."""
    prepared = tmp_path / "prepared"
    for name in ("uv", "project"):
        (prepared / name / "bin").mkdir(parents=True)
        lock = (ROOT / "requirements" / f"{name}.txt").read_bytes()
        (prepared / name / ".ready").write_bytes(lock)
    python = prepared / "project" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    return prepared


def _gitlab_variables(aws: dict[str, str], environments: Path) -> dict[str, str]:
    return {
        "VENV": str(environments),
        "AWS_ENDPOINT_URL": aws["endpoint_url"],
        "AWS_REGION": aws["region_name"],
        "AWS_DEFAULT_REGION": aws["region_name"],
    }


@pytest.fixture
def delivering(
    checkout: Path, tmp_path: Path, aws: dict[str, str], environments: Path
) -> Iterator[Any]:
    gitlab = start_gitlab(checkout, tmp_path / "state", _gitlab_variables(aws, environments))
    yield gitlab
    gitlab.stop()


def _called(log: str) -> list[str]:
    (line,) = [line for line in log.splitlines() if line.startswith("CALLED ")]
    called: list[str] = json.loads(line.removeprefix("CALLED "))
    return called


def test_a_refresh_job_is_called_with_the_package_and_acts_as_the_delivery_role(
    delivering: Any, aws: dict[str, str]
) -> None:
    role = _role(aws, delivering.url, delivering.project_path)
    delivering.set_variables({"AWS_ROLE_ARN": role})
    with client(delivering) as api:
        project = api.projects.get(delivering.project_id)
        pipeline = finished(project.trigger_pipeline("main", delivering.trigger_token, REFRESH))
        log = trace(project, pipeline, "refresh")
        assert pipeline.status == "success", log
    *arguments, identity = _called(log)
    assert arguments == ["refresh", "abalone", "--model-package-arn", ARN]
    name = role.rpartition("/")[2]
    assert identity.startswith(f"arn:aws:sts::000000000000:assumed-role/{name}/gitlab-1-")


def test_environments_serve_a_clone_whose_lock_files_are_younger(
    checkout: Path, environments: Path
) -> None:
    for stamp in environments.glob("*/.ready"):
        os.utime(stamp, (1, 1))
    make = ["make", f"VENV={environments}", f"{environments}/project/.ready"]
    subprocess.run(make, cwd=checkout, check=True, capture_output=True)
    (environments / "project" / ".ready").write_text("another lock\n")
    assert subprocess.run(make, cwd=checkout, capture_output=True, check=False).returncode != 0


def test_a_job_without_a_role_uses_the_keys_it_was_given(
    delivering: Any, aws: dict[str, str]
) -> None:
    delivering.set_variables(
        {
            "AWS_ACCESS_KEY_ID": aws["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": aws["aws_secret_access_key"],
        }
    )
    with client(delivering) as api:
        project = api.projects.get(delivering.project_id)
        variables = [{"key": key, "value": value} for key, value in UPSERT.items()]
        pipeline = project.pipelines.create({"ref": "main", "variables": variables})
        log = trace(project, finished(pipeline), "pipelines")
    assert _called(log)[:2] == ["upsert", "abalone"]
    assert aws["aws_secret_access_key"] not in log


def test_a_role_that_trusts_another_project_lets_no_job_in(
    delivering: Any, aws: dict[str, str]
) -> None:
    delivering.set_variables({"AWS_ROLE_ARN": _role(aws, delivering.url, "somebody/else")})
    with client(delivering) as api:
        project = api.projects.get(delivering.project_id)
        pipeline = finished(project.trigger_pipeline("main", delivering.trigger_token, REFRESH))
        assert jobs(pipeline) == {"refresh": "failed"}
        log = trace(project, pipeline, "refresh")
    assert "Not authorized to perform sts:AssumeRoleWithWebIdentity" in log


def test_the_tokens_signature_holds_against_the_published_keys(tmp_path: Path) -> None:
    issuer = Issuer(tmp_path / "key.pem")
    token = issuer.token("https://gitlab.example", ["aud"], {"sub": "project_path:a/b"})
    signed, _, signature = token.rpartition(".")
    (key,) = issuer.keys()["keys"]
    public = rsa.RSAPublicNumbers(_number(key["e"]), _number(key["n"])).public_key()
    public.verify(_bytes(signature), signed.encode(), padding.PKCS1v15(), SHA256())
    claims = json.loads(_bytes(signed.split(".")[1]))
    assert (claims["iss"], claims["aud"]) == ("https://gitlab.example", "aud")
    assert claims["sub"] == "project_path:a/b"
    assert 0 < claims["exp"] - time.time() <= 3600
    assert Issuer(tmp_path / "key.pem").keys() == issuer.keys()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _number(text: str) -> int:
    return int.from_bytes(_bytes(text), "big")
