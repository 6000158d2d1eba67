"""Rules that hold the template against the code: each function is given what it uses, no more.

A rule takes the stack and returns complaints; each complaint names the resource.
"""

import re
from typing import Any

from headrace.domain.model_version import PIPELINE_TAG

from tests.template.code_calls import all_operations, operation_names, operations, settings_read
from tests.template.expanded_stack import Stack, named

# What IAM asks for where it is not `service:Operation`.
ACTIONS = {
    ("dynamodb", "transact_write_items"): {"dynamodb:PutItem"},  # the ledger's hold only puts
    ("lambda", "invoke"): {"lambda:InvokeFunction"},
    # Who may not list a bucket is told 403 for a missing object instead of 404.
    ("s3", "get_object"): {"s3:GetObject", "s3:ListBucket"},
    ("s3", "head_object"): {"s3:GetObject", "s3:ListBucket"},
    ("s3", "list_object_versions"): {"s3:ListBucketVersions"},
    ("s3", "list_objects_v2"): {"s3:ListBucket"},
    # The topic is encrypted with a key of the stack's, which its publishers use.
    ("sns", "publish"): {"sns:Publish", "kms:GenerateDataKey*", "kms:Decrypt"},
}
PREFIXES = {"stepfunctions": "states"}  # botocore's name -> IAM's, where they differ
# What a service does in a role's name.
LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
POLLING = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
# "Execution Role Permissions" in SageMaker's guide: what jobs in a VPC need.
VPC = {
    *("ec2:CreateNetworkInterface", "ec2:CreateNetworkInterfacePermission"),
    *("ec2:DeleteNetworkInterface", "ec2:DeleteNetworkInterfacePermission"),
    *("ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups"),
    *("ec2:DescribeSubnets", "ec2:DescribeVpcs"),
}
LOG_DELIVERY = {
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
}
READ_BY_LIBRARIES = {"POWERTOOLS_SERVICE_NAME": "Powertools' logger names its lines by it"}


def functions(stack: Stack) -> dict[str, str]:
    """Return function resource -> its folder."""
    return {
        name: function["Code"]["S3Key"].removesuffix(".zip")
        for name, function in stack.of("Lambda::Function").items()
    }


def functions_have_their_own_roles(stack: Stack) -> list[str]:
    """A role of the template's own, that no other function has."""
    roles = {name: named(f.get("Role")) for name, f in stack.of("Lambda::Function").items()}
    return [
        f"{name}: shares its role, or has none of the template's"
        for name, role in roles.items()
        if role not in stack.of("IAM::Role") or list(roles.values()).count(role) > 1
    ]


def functions_have_their_own_logs(stack: Stack) -> list[str]:
    """A log group of its own, that forgets after a time, and a role that may write to it."""
    groups = stack.of("Logs::LogGroup")
    logs = {
        name: named(function.get("LoggingConfig", {}).get("LogGroup"))
        for name, function in stack.of("Lambda::Function").items()
    }
    found = []
    for name, group in logs.items():
        role = named(stack.properties[name].get("Role"))
        if "RetentionInDays" not in groups.get(group, {}) or list(logs.values()).count(group) > 1:
            found.append(f"{name}: has no log group of its own with a retention")
        elif not _may(stack, role, LOGS, f"<{group}.Arn>"):
            found.append(f"{name}: {role} may not write to {group}")
    return found


def functions_are_given_what_they_read(stack: Stack) -> list[str]:
    """Every setting that the code reads is in the function's environment."""
    return [
        f"{name}: reads {setting}, and is not given it"
        for name, folder in functions(stack).items()
        for setting in sorted(settings_read(folder) - _environment(stack, name))
    ]


def functions_are_given_nothing_else(stack: Stack) -> list[str]:
    """No setting is in a function's environment that nobody reads."""
    return [
        f"{name}: is given {setting}, and does not read it"
        for name, folder in functions(stack).items()
        for setting in sorted(_environment(stack, name) - settings_read(folder))
        if setting not in READ_BY_LIBRARIES
    ]


def functions_may_do_what_they_do(stack: Stack) -> list[str]:
    """Every AWS operation that the code can reach is allowed."""
    return [
        f"{name}: can reach {action}, and {role} does not allow it"
        for name, role, needed, granted in _grants(stack)
        for action in sorted(needed - granted)
    ]


def functions_may_do_nothing_else(stack: Stack) -> list[str]:
    """No action is allowed that no code path reaches."""
    return [
        f"{name}: {role} allows {action}, and no code path reaches it"
        for name, role, needed, granted in _grants(stack)
        for action in sorted(granted - needed)
    ]


def functions_refuse_into_their_dead_letters(stack: Stack) -> list[str]:
    """A message that is refused goes where its queue's redrive would put it, and may go there."""
    found = []
    for source in stack.of("Lambda::EventSourceMapping").values():
        function, queue = named(source["FunctionName"]), named(source["EventSourceArn"])
        dead = named(stack.properties[queue].get("RedrivePolicy", {}).get("deadLetterTargetArn"))
        variables = stack.properties[function].get("Environment", {}).get("Variables", {})
        role = named(stack.properties[function]["Role"])
        if named(variables.get("DEAD_LETTERS_URL")) != dead:
            found.append(f"{function}: refuses into another queue than {dead}")
        elif not _may(stack, role, {"sqs:SendMessage"}, f"<{dead}.Arn>"):
            found.append(f"{function}: {role} may not send to {dead}")
    return found


def only_own_pipelines_are_changed(stack: Stack) -> list[str]:
    """What functions and CI start, change or delete has a name of the stack's own, or its tag.

    The jobs' role is left out: SageMaker names the jobs of a pipeline itself. It also names the
    models of a pipeline's runs, so these bear the pipeline's name as a tag.
    """
    own = stack.parameters["PipelinePrefix"]["Default"]
    return [
        f"{statement}: may do {action} to {arn}"
        for role in stack.of("IAM::Role")
        if role != "PipelineRole"
        for statement in stack.granted(role)
        for action in statement.actions
        if re.match(r"(sagemaker|events):(Start|Stop|Create|Update|Put|Add|Delete|Remove)", action)
        for arn in statement.resources
        if not arn.rpartition(":")[2].partition("/")[2].startswith(own)
        and statement.condition.get("StringLike") != {f"aws:ResourceTag/{PIPELINE_TAG}": f"{own}*"}
    ]


def jobs_may_run_in_a_vpc(stack: Stack) -> list[str]:
    """The jobs' role has what SageMaker asks for in a VPC, where the stack is told so."""
    policies = {
        condition
        for policy in stack.raw["PipelineRole"]["Properties"]["Policies"]
        for condition in [policy.get("Fn::If", [""])[0]]
        if _actions(policy) >= VPC
    }
    return [] if policies == {"JobsRunInVpc"} else [f"PipelineRole: has {VPC} by {policies}"]


def operations_nobody_reaches(stack: Stack) -> list[str]:
    """Return operations that seem unreachable: following names has missed a path to them."""
    reached = {call for folder in functions(stack).values() for call in operations(folder)}
    return [f"{service} {name}" for service, name in sorted(all_operations() - reached)]


def actions_of(service: str, operation: str) -> set[str]:
    """Return what IAM asks for when a client's method is called."""
    by_rule = f"{PREFIXES.get(service, service)}:{operation_names(service)[operation]}"
    return ACTIONS.get((service, operation), {by_rule})


def _grants(stack: Stack) -> list[tuple[str, str, set[str], set[str]]]:
    """Return (function, role, actions it needs, actions it is allowed) of each function."""
    polling = {named(s["FunctionName"]) for s in stack.of("Lambda::EventSourceMapping").values()}
    failing = {
        named(config["FunctionName"]) for config in stack.of("Lambda::EventInvokeConfig").values()
    }
    found = []
    for name, folder in functions(stack).items():
        needed = LOGS.union(*(actions_of(*call) for call in operations(folder)))
        needed |= POLLING if name in polling else set()
        needed |= {"sqs:SendMessage"} if name in failing else set()  # to the failures' queue
        role = named(stack.properties[name]["Role"])
        granted = {action for s in stack.granted(role) for action in s.actions}
        found.append((name, role, needed, granted))
    return found


def _actions(value: Any) -> set[str]:
    """Return the actions of every statement in a policy."""
    match value:
        case {"Action": str(action)}:
            return {action}
        case {"Action": [*actions]}:
            return set(actions)
        case dict():
            return set().union(*map(_actions, value.values()))
        case list():
            return set().union(*map(_actions, value))
    return set()


def _environment(stack: Stack, function: str) -> set[str]:
    return set(stack.properties[function].get("Environment", {}).get("Variables", {}))


def _may(stack: Stack, role: str, actions: set[str], resource: str) -> bool:
    return any(
        actions <= set(statement.actions) and resource in statement.resources
        for statement in stack.granted(role)
    )
