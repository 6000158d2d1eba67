"""Ways to break the expanded template, each with the rule that must notice and whom it names."""

import rules_of_access as access
import rules_of_events as events
import rules_of_functions as functions
from breaking import case, drop, grant, put, revoke

_TARGET = ("Targets", 0)

BREAKAGES = [
    case(
        events.targets_have_dead_letter_queues,
        "UploadRule",
        drop("UploadRule", *_TARGET, "DeadLetterConfig"),
    ),
    case(
        events.targets_have_dead_letter_queues,
        "StepRule/notify",
        revoke("QueuePolicy", "Rules"),
    ),
    case(
        events.targets_have_dead_letter_queues,
        "InventoryRule",  # not named in the queue's policy
        put(
            "QueuePolicy",
            *("PolicyDocument", "Statement", 0, "Condition"),
            to={"ArnEquals": {"aws:SourceArn": [{"Fn::GetAtt": ["UploadRule", "Arn"]}]}},
        ),
    ),
    case(events.targets_let_their_rule_in, "ReconcileRule/reconcile", drop("ReconcilePermission")),
    case(events.targets_let_their_rule_in, "RunRule/notify", revoke("QueuePolicy", "Notify")),
    case(events.targets_let_their_rule_in, "RunRule/inbox", revoke("QueuePolicy", "Rules")),
    case(
        events.targets_have_retry_policies,
        "RunRule/inbox",
        drop("RunRule", *_TARGET, "RetryPolicy", "MaximumRetryAttempts"),
    ),
    case(
        events.targets_have_no_role,
        "UploadRule",
        put("UploadRule", *_TARGET, "RoleArn", to={"Fn::GetAtt": ["ActRole", "Arn"]}),
    ),
    case(
        events.queues_hide_messages_long_enough, "Inbox", put("Inbox", "VisibilityTimeout", to=179)
    ),
    case(events.queues_hide_messages_long_enough, "Inbox", put("DecideFunction", "Timeout", to=31)),
    case(events.polled_queues_redrive, "Inbox", drop("Inbox", "RedrivePolicy")),
    case(
        events.dead_letters_are_kept,
        "InboxDeadLetters",
        put("InboxDeadLetters", "MessageRetentionPeriod", to=1209599),
    ),
    case(
        events.the_ledger_remembers_longer,
        "headrace.adapters.ledger",
        put("RuleDeadLetters", "MessageRetentionPeriod", to=45 * 24 * 3600),
    ),
    case(
        events.the_ledger_remembers_longer,
        "LedgerTable",
        drop("LedgerTable", "TimeToLiveSpecification"),
    ),
    case(events.queues_have_alarms, "RuleDeadLetters", drop("RuleDeadLettersAlarm")),
    case(events.queues_have_alarms, "Inbox", drop("InboxAgeAlarm")),
    case(events.alarms_reach_people, "InboxAgeAlarm", drop("InboxAgeAlarm", "AlarmActions")),
    case(events.alarms_reach_people, "ActFailedAlarm", revoke("AlertsTopicPolicy", "Alarms")),
    case(
        events.alarms_reach_people,
        "ActFailedAlarm",
        drop("AlertsKey", "KeyPolicy", "Statement", 1),
    ),
    case(
        events.asynchronous_functions_have_on_failure_destinations,
        "ReconcileFunction",
        drop("ReconcileFunctionEventInvokeConfig"),
    ),
    case(access.actions_are_named, "DecideRole", grant("DecideRole", action="*")),
    case(access.actions_are_named, "DecideRole", grant("DecideRole", action=["sqs:Get*"])),
    case(
        access.principals_are_named,
        "AlertsTopicPolicy",
        put("AlertsTopicPolicy", "PolicyDocument", "Statement", 0, "Principal", to="*"),
    ),
    case(
        access.other_accounts_only_read,
        "DataBucketPolicy ReadersOfRuns: lets another account do s3:PutObject",
        put(
            *("DataBucketPolicy", "PolicyDocument", "Statement", 1, "Fn::If", 1, "Action"),
            to=["s3:GetObject", "s3:PutObject"],
        ),
    ),
    case(access.resources_are_named, "NotifyRole", grant("NotifyRole", Resource="*")),
    case(
        access.nothing_is_allowed_by_exclusion,
        "NotifyRole",
        grant("NotifyRole", action=[], NotAction="iam:*"),
    ),
    *(
        case(access.plain_http_is_refused, name, revoke(policy, "TlsOnly"))
        for name, policy in (
            ("DataBucket", "DataBucketPolicy"),
            ("RuleDeadLetters", "QueuePolicy"),
            ("AlertsTopic", "AlertsTopicPolicy"),
        )
    ),
    *(
        case(access.everything_is_encrypted, name, drop(name, setting))
        for name, setting in (
            ("DataBucket", "BucketEncryption"),
            ("Inbox", "SqsManagedSseEnabled"),
            ("AlertsTopic", "KmsMasterKeyId"),
            ("LedgerTable", "SSESpecification"),
            ("AlertsKey", "EnableKeyRotation"),
        )
    ),
    case(
        access.buckets_are_private,
        "DataBucket",
        put("DataBucket", "PublicAccessBlockConfiguration", "BlockPublicPolicy", to=False),
    ),
    case(
        access.services_act_for_this_account_only,
        "DecideRole",
        drop("DecideRole", "AssumeRolePolicyDocument", "Statement", 0, "Condition"),
    ),
    case(
        access.services_act_for_this_account_only,
        "ReconcilePermission",
        drop("ReconcilePermission", "SourceAccount"),
    ),
    case(
        access.roles_hold_no_managed_policies,
        "ActRole",
        put("ActRole", "ManagedPolicyArns", to=["arn:aws:iam::aws:policy/PowerUserAccess"]),
    ),
    case(access.exemptions_without_use, "ActRole Logs", revoke("ActRole", "Logs")),
    case(
        functions.functions_have_their_own_roles,
        "DecideFunction",
        put("DecideFunction", "Role", to={"Fn::GetAtt": ["NotifyRole", "Arn"]}),
    ),
    case(functions.functions_have_their_own_logs, "DecideFunction", revoke("DecideRole", "Logs")),
    case(
        functions.functions_have_their_own_logs,
        "DecideFunction",
        drop("DecideLogs", "RetentionInDays"),
    ),
    case(
        functions.functions_are_given_what_they_read,
        "NotifyFunction: reads ALERTS_TOPIC_ARN",
        drop("NotifyFunction", "Environment", "Variables", "ALERTS_TOPIC_ARN"),
    ),
    case(
        functions.functions_are_given_nothing_else,
        "DecideFunction: is given INBOX",
        put("DecideFunction", "Environment", "Variables", "INBOX", to="x"),
    ),
    *(
        case(
            functions.functions_may_do_what_they_do,
            f"{function}: can reach {action}",
            revoke(role, sid),
        )
        for function, action, role, sid in (
            ("AdvanceRunFunction", "sagemaker:StartPipelineExecution", "AdvanceRunRole", "Runs"),
            ("DecideFunction", "sqs:ReceiveMessage", "DecideRole", "Inbox"),
            ("NotifyFunction", "kms:Decrypt", "NotifyRole", "TellEncrypted"),
            ("ReconcileFunction", "states:StartExecution", "ReconcileRole", "Act"),
        )
    ),
    case(
        functions.functions_may_do_nothing_else,
        "ReconcileFunction: ReconcileRole allows dynamodb:UpdateItem",
        grant("ReconcileRole", action="dynamodb:UpdateItem"),
    ),
    case(
        functions.operations_nobody_reaches,
        "sagemaker start_pipeline_execution",
        drop("AdvanceRunFunction"),
    ),
]
