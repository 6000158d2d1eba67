"""Whether the caller may deploy: asked of IAM's policy simulator."""

from collections.abc import Iterator

from workbench.doctor.findings import Finding
from workbench.doctor.target import Target

# What deploying needs above all, by what it is asked for; docs/deploy.md has the whole policy.
ACTIONS: dict[str, tuple[str, ...]] = {
    "arn:{partition}:cloudformation:{region}:{account}:stack/{stack}/*": (
        "cloudformation:CreateChangeSet",
        "cloudformation:DescribeStacks",
        "cloudformation:ExecuteChangeSet",
    ),
    "arn:{partition}:iam::{account}:role/{stack}-DecideRole-1": (
        "iam:CreateRole",
        "iam:PassRole",
        "iam:PutRolePolicy",
    ),
    "arn:{partition}:lambda:{region}:{account}:function:{stack}-decide": (
        "lambda:CreateFunction",
        "lambda:UpdateFunctionCode",
    ),
    "arn:{partition}:states:{region}:{account}:stateMachine:{stack}-act": (
        "states:CreateStateMachine",
    ),
    "arn:{partition}:secretsmanager:{region}:{account}:secret:GitLabSecret-1": (
        "secretsmanager:PutSecretValue",
    ),
}
_PASSED = {
    "ContextKeyName": "iam:PassedToService",
    "ContextKeyValues": ["lambda.amazonaws.com"],
    "ContextKeyType": "string",
}


def permissions(target: Target) -> Iterator[Finding]:
    """Report which of a deployer's actions the caller may not take."""
    caller = target.caller
    if caller.arn.endswith(":root"):
        seen = f"{caller.arn} may do everything; deploy by a role that may do less"
        create = ("iam", "create-role", "--role-name", "headrace-deploy")
        trust = ("--assume-role-policy-document", "file://deploy-trust.json")
        yield Finding("permissions", "warning", seen, target.aws(*create, *trust))
        return
    iam, principal = target.client("iam"), _principal(target)
    denied = []
    for resource, actions in ACTIONS.items():
        answer = iam.simulate_principal_policy(
            PolicySourceArn=principal,
            ActionNames=list(actions),
            ResourceArns=[_filled(resource, target)],
            ContextEntries=[_PASSED],
        )
        results = answer["EvaluationResults"]
        denied += [one["EvalActionName"] for one in results if one["EvalDecision"] != "allowed"]
    if not denied:
        yield Finding("permissions", "ok", f"{principal} may deploy the stack")
        return
    kind, _, name = principal.rpartition(":")[2].partition("/")
    put = ("iam", f"put-{kind}-policy", f"--{kind}-name", name.rpartition("/")[2])
    policy = ("--policy-name", "headrace-deploy", "--policy-document", "file://deploy-policy.json")
    yield Finding(
        "permissions",
        "warning",
        f"{principal} may not deploy the stack: {', '.join(sorted(denied))} "
        "(docs/deploy.md has the policy)",
        target.aws(*put, *policy),
    )


def _principal(target: Target) -> str:
    """Return the user or role whose policies count; of a role's session, the role."""
    resource = target.caller.arn.rpartition(":")[2]
    if not resource.startswith("assumed-role/"):
        return target.caller.arn
    name = resource.split("/")[1]  # the role's path is not in it
    return str(target.client("iam").get_role(RoleName=name)["Role"]["Arn"])


def _filled(resource: str, target: Target) -> str:
    caller = target.caller
    names = {"partition": caller.partition, "account": caller.account, "region": target.region}
    return resource.format(**names, stack=target.stack.name)
