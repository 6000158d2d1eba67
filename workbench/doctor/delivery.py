"""Whether GitLab's jobs can assume their role: identity provider and trust policy."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from workbench.doctor.findings import Finding
from workbench.doctor.target import Target


def provider(target: Target) -> Iterator[Finding]:
    """Check that IAM has GitLab as an OpenID Connect provider, with its URL as audience."""
    url = target.stack.parameters["GitLabUrl"]
    arn = _provider_arn(target)
    try:
        answer = target.client("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        create = ("create-open-id-connect-provider", "--url", url, "--client-id-list", url)
        seen = (
            f"{url} is no identity provider of this account, so that CI jobs cannot assume a role"
        )
        yield Finding("identity provider", "error", seen, target.aws("iam", *create))
        return
    if url in answer["ClientIDList"]:
        yield Finding("identity provider", "ok", f"{arn} accepts tokens for {url}")
        return
    add = "add-client-id-to-open-id-connect-provider"
    named = ("--open-id-connect-provider-arn", arn, "--client-id", url)
    seen = f"{arn} does not accept tokens for the audience {url}"
    yield Finding("identity provider", "error", seen, target.aws("iam", add, *named))


def trust(target: Target) -> Iterator[Finding]:
    """Check that only jobs of the project's branch may assume the delivery role."""
    arn = target.stack.output("DeliveryRoleArn")
    answer = target.client("iam").get_role(RoleName=arn.rpartition("/")[2])
    policy = answer["Role"]["AssumeRolePolicyDocument"]
    given = target.stack.parameters
    host = given["GitLabUrl"].partition("//")[2]
    branch = f"project_path:{given['GitLabProjectPath']}:ref_type:branch:ref:{given['GitLabRef']}"
    wanted = {
        "Federated": _provider_arn(target),
        f"{host}:aud": given["GitLabUrl"],
        f"{host}:sub": branch,
    }
    statements = [one for one in policy["Statement"] if one["Effect"] == "Allow"]
    if [_said(one) for one in statements] == [wanted]:
        yield Finding("delivery role", "ok", f"{arn} trusts {branch}")
        return
    seen = f"the trust policy of {arn} differs from the template's: it should trust {branch} only"
    yield Finding("delivery role", "error", seen, target.sam())


def _said(statement: dict[str, Any]) -> dict[str, Any]:
    """Return whom a statement lets in and under which conditions, flat."""
    conditions = statement.get("Condition", {})
    if set(conditions) != {"StringEquals"}:
        return {"other conditions": conditions}
    return {**statement["Principal"], **conditions["StringEquals"]}


def _provider_arn(target: Target) -> str:
    host = target.stack.parameters["GitLabUrl"].partition("//")[2]
    return f"arn:{target.caller.partition}:iam::{target.caller.account}:oidc-provider/{host}"
