"""The project's own .gitlab-ci.yml: how its jobs get into AWS, and what they call there."""

import base64
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from local_cloud.gitlab.gitlab import start_gitlab
from local_cloud.gitlab.web_identity import Issuer
from tests.gitlab.hosted_project import client, finished, jobs, trace
from tests.gitlab.own_project import ARN, REFRESH, ROOT, UPSERT


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
        RoleName=f"delivery-{project_path.replace('/', '-')}-{host.partition(':')[2]}",
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
    # As another checkout's, this one's, installed it.
    command = prepared / "project" / "bin" / "headrace"
    command.symlink_to(Path(sys.prefix) / "bin" / "headrace")
    return prepared


def _gitlab_variables(
    aws: dict[str, str], environments: Path, region_variable: str
) -> dict[str, str]:
    return {
        "VENV": str(environments),
        "AWS_ENDPOINT_URL": aws["endpoint_url"],
        region_variable: aws["region_name"],
    }


@pytest.fixture
def region_variable() -> str:
    """The one variable that names the region."""
    return "AWS_REGION"


@pytest.fixture
def delivering(
    checkout: Path, tmp_path: Path, aws: dict[str, str], environments: Path, region_variable: str
) -> Iterator[Any]:
    variables = _gitlab_variables(aws, environments, region_variable)
    gitlab = start_gitlab(checkout, tmp_path / "state", variables)
    yield gitlab
    gitlab.stop()


def _called(log: str) -> list[str]:
    (line,) = [line for line in log.splitlines() if line.startswith("CALLED ")]
    called: list[str] = json.loads(line.removeprefix("CALLED "))
    return called


def _ran(log: str) -> list[str]:
    (line,) = [line for line in log.splitlines() if line.startswith("RAN ")]
    return line.split()[1:]


@pytest.mark.parametrize("region_variable", ["AWS_REGION", "AWS_DEFAULT_REGION"])
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
    assert arguments == ["pipelines", "refresh", "abalone", "--model-package-arn", ARN]
    assert _ran(log) == [
        "workbench/cli/app.py",
        "layers/headrace/headrace/__init__.py",
        "pipeline_specs/__init__.py",
    ], "the job runs the code of its own checkout, not what the command was installed from"
    assert f"REGION {aws['region_name']} {aws['region_name']}" in log.splitlines()
    name = role.rpartition("/")[2]
    assert identity.startswith(f"arn:aws:sts::000000000000:assumed-role/{name}/gitlab-1-")


def test_environments_serve_a_clone_whose_lock_files_are_younger(
    checkout: Path, environments: Path
) -> None:
    for stamp in environments.glob("*/.ready"):
        os.utime(stamp, (1, 1))
    make = ["make", f"VENV={environments}", f"{environments}/project/.installed"]
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
    assert _called(log)[:3] == ["pipelines", "upsert", "abalone"]
    assert aws["aws_secret_access_key"] not in log


def test_a_role_that_trusts_another_project_admits_no_job(
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
