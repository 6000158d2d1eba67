"""Rules about who may do what: nothing open, nothing in the clear, every exemption with a reason.

A rule takes the stack and returns complaints; each complaint names the resource.
"""

from tests.template.expanded_stack import Stack, Statement, named

# Action with a wildcard -> why. `Resource Sid` for one statement, or the action itself.
WILD_ACTIONS = {
    "kms:GenerateDataKey*": "as AWS documents for encrypted topics: with and without plaintext",
    "AlertsKey Administration": "IAM decides who of the account may use the key, as KMS advises",
}
# `Resource Sid` -> why the statement is for any resource.
ANY_RESOURCE = {
    "AlertsKey Administration": "in a key's policy, * is the key",
    "AlertsKey Alarms": "in a key's policy, * is the key",
    "ActRole Logs": "log delivery has no resource in IAM",
    "PipelineRole Images": "a login token to ECR has no resource in IAM",
    "DecideRole Versions": "listing versions by group has no resource in IAM",
    "ReconcileRole Versions": "listing versions by group has no resource in IAM",
    "DeliveryRole Versions": "listing versions by group has no resource in IAM",
    "DeliveryRole Subscriptions": "a subscription has no resource in IAM",
}
ENCRYPTED = {
    "SQS::Queue": ("KmsMasterKeyId", "SqsManagedSseEnabled"),
    "SNS::Topic": ("KmsMasterKeyId",),
    "DynamoDB::Table": ("SSESpecification",),
    "S3::Bucket": ("BucketEncryption",),
}
READS = ("s3:GetObject", "s3:ListBucket")
# What is refused over plain HTTP. SNS takes no `sns:*` in a topic's policy.
TLS_ONLY = {"S3::Bucket": "s3:*", "SQS::Queue": "sqs:*", "SNS::Topic": "sns:Publish"}


def actions_are_named(stack: Stack) -> list[str]:
    """No `*` among the actions that a statement allows."""
    return [
        f"{statement}: allows {action}"
        for statement in stack.statements()
        if statement.allows
        for action in statement.actions
        if "*" in action and not {action, str(statement)} & WILD_ACTIONS.keys()
    ]


def principals_are_named(stack: Stack) -> list[str]:
    """Nothing is allowed to everybody, nor to every role and user of somebody."""
    return [
        f"{statement}: allows {who}"
        for statement in stack.statements()
        if statement.allows
        for _, who in statement.principals
        if "*" in who
    ]


def other_accounts_only_read(stack: Stack) -> list[str]:
    """Whom a resource's policy lets in from elsewhere changes nothing."""
    return [
        f"{statement}: lets {who or 'another account'} do {action}"
        for statement in stack.statements()
        if statement.allows and statement.document != "AssumeRolePolicyDocument"
        for kind, who in statement.principals
        if kind == "AWS" and "<AWS::AccountId>" not in who
        for action in statement.actions
        if action not in READS
    ]


def resources_are_named(stack: Stack) -> list[str]:
    """No statement allows something on any resource, but where IAM knows none."""
    return [
        f"{statement}: is for any resource"
        for statement in stack.statements()
        if statement.allows and "*" in statement.resources and str(statement) not in ANY_RESOURCE
    ]


def nothing_is_allowed_by_exclusion(stack: Stack) -> list[str]:
    """NotAction, NotResource and NotPrincipal allow what nobody thought of."""
    return [
        f"{statement}: has {'no action' if not statement.actions else 'neither resource nor trust'}"
        for statement in stack.statements()
        if not statement.actions
        or not (statement.resources or statement.document == "AssumeRolePolicyDocument")
    ]


def plain_http_is_refused(stack: Stack) -> list[str]:
    """Buckets, queues and topics deny what does not come over TLS, to everybody."""
    return [
        f"{name}: takes requests over plain HTTP"
        for kind, action in TLS_ONLY.items()
        for name in stack.of(kind)
        if not any(
            _denies_http(statement, name, action, bucket=kind == "S3::Bucket")
            for statement in stack.statements()
        )
    ]


def everything_is_encrypted(stack: Stack) -> list[str]:
    """At rest, by a setting that is written down."""
    found = [
        f"{name}: is not encrypted"
        for kind, settings in ENCRYPTED.items()
        for name, properties in stack.of(kind).items()
        if not any(_is_on(properties.get(setting)) for setting in settings)
    ]
    return found + [
        f"{name}: its key is never renewed"
        for name, key in stack.of("KMS::Key").items()
        if key.get("EnableKeyRotation") is not True
    ]


def buckets_are_private(stack: Stack) -> list[str]:
    """No access from the public, whatever a policy or ACL says later; old versions are kept."""
    return [
        f"{name}: may become public, or forgets old versions"
        for name, bucket in stack.of("S3::Bucket").items()
        if list(bucket.get("PublicAccessBlockConfiguration", {}).values()) != [True] * 4
        or bucket.get("VersioningConfiguration", {}).get("Status") != "Enabled"
    ]


def services_act_for_this_account_only(stack: Stack) -> list[str]:
    """A statement for a service names whom it acts for: no confused deputy."""
    return [
        f"{statement}: does not say for whom {who} acts"
        for statement in stack.statements()
        if statement.allows
        for kind, who in statement.principals
        if kind == "Service"
        and not statement.condition_values("aws:SourceArn")
        and "<AWS::AccountId>" not in statement.condition_values("aws:SourceAccount")
    ] + [
        f"{name}: does not say for whom {permission['Principal']} acts"
        for name, permission in stack.of("Lambda::Permission").items()
        if not {"SourceArn", "SourceAccount"} <= permission.keys()
    ]


def roles_hold_no_managed_policies(stack: Stack) -> list[str]:
    """What a role may do is written in the template, and nowhere else."""
    return [
        f"{name}: has managed policies"
        for name, role in stack.of("IAM::Role").items()
        if role.get("ManagedPolicyArns")
    ]


def exemptions_without_use(stack: Stack) -> list[str]:
    """Return the exemptions above that exempt nothing any more."""
    allowed = [statement for statement in stack.statements() if statement.allows]
    wild = {str(s) for s in allowed if any("*" in action for action in s.actions)}
    wild |= {action for s in allowed for action in s.actions}
    anything = {str(s) for s in allowed if "*" in s.resources}
    return sorted((WILD_ACTIONS.keys() - wild) | (ANY_RESOURCE.keys() - anything))


def _denies_http(statement: Statement, name: str, action: str, *, bucket: bool) -> bool:
    arns = {f"<{name}.Arn>", f"<{name}>"}
    whole = not bucket or f"<{name}.Arn>/*" in statement.resources
    return (
        statement.effect == "Deny"
        and statement.principals == (("Any", "*"),)
        and action in statement.actions
        and bool(arns & set(statement.resources))
        and whole
        and statement.condition == {"Bool": {"aws:SecureTransport": "false"}}
    )


def _is_on(setting: object) -> bool:
    match setting:
        case {"SSEEnabled": enabled}:
            return enabled is True
        case {"ServerSideEncryptionConfiguration": [_, *_]}:
            return True
        case str():
            return bool(named(setting) or setting)
        case _:
            return setting is True
