"""Ways to break the expanded template, each with the rule that must notice and whom it names."""

from tests.template import rules_of_access as access
from tests.template import rules_of_alarms as alarms
from tests.template import rules_of_events as events
from tests.template import rules_of_functions as functions
from tests.template.breaking import case, drop, grant, in_trust, put, revoke

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
        revoke("RuleDeadLettersPolicy", "Rules"),
    ),
    case(
        events.targets_have_dead_letter_queues,
        "InventoryRule",  # not named in the queue's policy
        put(
            "RuleDeadLettersPolicy",
            *("PolicyDocument", "Statement", 1, "Condition"),
            to={"ArnEquals": {"aws:SourceArn": [{"Fn::GetAtt": ["UploadRule", "Arn"]}]}},
        ),
    ),
    case(events.targets_let_their_rule_in, "ReconcileRule/reconcile", drop("ReconcilePermission")),
    case(events.targets_let_their_rule_in, "InventoryRule/reconcile", drop("InventoryPermission")),
    case(events.targets_let_their_rule_in, "RunRule/notify", revoke("NotifyQueuePolicy", "Rules")),
    case(events.targets_let_their_rule_in, "RunRule/inbox", revoke("InboxPolicy", "Rules")),
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
        events.each_queue_has_its_own_policy,
        "InboxPolicy",
        put(
            *("InboxPolicy", "PolicyDocument", "Statement", 0, "Resource"),
            to=[{"Fn::GetAtt": [name, "Arn"]} for name in ("Inbox", "RuleDeadLetters")],
        ),
    ),
    case(
        events.each_queue_has_its_own_policy,
        "RuleDeadLetters: has 2 policies",
        put("InboxPolicy", "Queues", to=[{"Ref": "RuleDeadLetters"}]),
    ),
    case(
        events.queues_hide_messages_long_enough, "Inbox", put("Inbox", "VisibilityTimeout", to=359)
    ),
    case(events.queues_hide_messages_long_enough, "Inbox", put("DecideFunction", "Timeout", to=61)),
    case(events.batches_can_be_finished, "DecideFunction", put("DecideFunction", "Timeout", to=59)),
    case(
        events.batches_can_be_finished,
        "NotifyFunction",
        drop("NotifyFunctionQueue", "FunctionResponseTypes"),
    ),
    case(
        events.concurrency_fits_a_new_account,
        "NotifyFunction",
        put("NotifyFunction", "ReservedConcurrentExecutions", to=2),
    ),
    case(
        events.concurrency_fits_a_new_account,
        "DecideFunctionInbox",
        drop("DecideFunctionInbox", "ScalingConfig"),
    ),
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
    case(alarms.queues_have_alarms, "RuleDeadLetters", drop("RuleDeadLettersAlarm")),
    case(alarms.queues_have_alarms, "Inbox", drop("InboxRetriedAlarm")),
    case(alarms.functions_have_alarms, "NotifyFunction", drop("NotifyErrorsAlarm")),
    case(alarms.functions_have_alarms, "NotifyFunction", drop("NotifyThrottlesAlarm")),
    case(
        alarms.ages_are_true,
        "Inbox",
        put("InboxAlarm", "MetricName", to="ApproximateAgeOfOldestMessage"),
    ),
    *(
        case(
            alarms.alarms_say_what_to_do,
            "ActFailedAlarm",
            put("ActFailedAlarm", "AlarmDescription", to=text),
        )
        for text in (
            "Look at the log.",
            "Look: `aws logs tail ActLogs`",
            "Look: `aws stepfunctions list-executions --state-machine arn`",
            "Look: `headrace redrive --queue all`",
            "Look: `tail -f log`",
        )
    ),
    case(alarms.alarms_reach_people, "InboxAlarm", drop("InboxAlarm", "AlarmActions")),
    case(alarms.alarms_reach_people, "ActFailedAlarm", revoke("AlertsTopicPolicy", "Alarms")),
    case(
        alarms.alarms_reach_people,
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
        access.no_wildcard_is_made_of_the_stack_name,
        "PipelineRole",
        grant("PipelineRole", Resource={"Fn::Sub": "arn:aws:iam::1:role/${AWS::StackName}-X-*"}),
    ),
    case(
        access.no_wildcard_is_made_of_the_stack_name,
        "ReconcilePermission",
        put("ReconcilePermission", "SourceArn", to={"Fn::Sub": "rule/${AWS::StackName}-*"}),
    ),
    case(
        access.names_leave_room_for_the_stack_name,
        "NotifyFunction",
        put(
            "NotifyFunction",
            "FunctionName",
            to={"Fn::Sub": "${AWS::StackName}-notify-of-all-events"},
        ),
    ),
    case(
        access.nothing_is_allowed_by_exclusion,
        "NotifyRole",
        grant("NotifyRole", action=[], NotAction="iam:*"),
    ),
    *(
        case(access.plain_http_is_refused, name, revoke(policy, "TlsOnly"))
        for name, policy in (
            ("DataBucket", "DataBucketPolicy"),
            ("RuleDeadLetters", "RuleDeadLettersPolicy"),
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
    *(
        case(access.buckets_are_cleaned_up, f"DataBucket: keeps {what}", drop("DataBucket", *path))
        for what, path in (
            ("AbortIncomplete", ("LifecycleConfiguration", "Fn::If", 2, "Rules", 1)),
            ("NoncurrentVersion", ("LifecycleConfiguration",)),
        )
    ),
    case(
        access.what_outlives_the_stack_can_be_adopted,
        "LedgerTable",
        grant("NotifyRole", Resource={"Fn::GetAtt": ["LedgerTable", "Arn"]}),
    ),
    case(
        access.what_outlives_the_stack_can_be_adopted,
        "DataBucket",
        lambda template: template["Resources"]["DataBucket"].pop("Condition"),
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
    *(
        case(access.delivery_is_for_one_subject, "DeliveryRole", in_trust("DeliveryRole", *change))
        for change in (("${Claims}", ""), ("StringEquals", "StringLike"), (":aud", ":azp"))
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
        functions.functions_refuse_into_their_dead_letters,
        "NotifyFunction: refuses into another queue",
        put(
            "NotifyFunction",
            *("Environment", "Variables", "DEAD_LETTERS_URL"),
            to={"Ref": "InboxDeadLetters"},
        ),
    ),
    case(
        functions.functions_refuse_into_their_dead_letters,
        "DecideFunction: DecideRole may not send",
        revoke("DecideRole", "DeadLetters"),
    ),
    case(
        functions.functions_may_do_nothing_else,
        "ReconcileFunction: ReconcileRole allows dynamodb:UpdateItem",
        grant("ReconcileRole", action="dynamodb:UpdateItem"),
    ),
    case(
        functions.only_own_pipelines_are_changed,
        "AdvanceRunRole",
        grant(
            "AdvanceRunRole",
            action="sagemaker:StartPipelineExecution",
            Resource={"Fn::Sub": "arn:aws:sagemaker:r:${AWS::AccountId}:pipeline/*"},
        ),
    ),
    case(
        functions.only_own_pipelines_are_changed,
        "ReconcileRole Models",
        grant(
            "ReconcileRole",
            action="sagemaker:DeleteModel",
            Sid="Models",
            Resource={"Fn::Sub": "arn:aws:sagemaker:r:${AWS::AccountId}:model/pipelines-*"},
            Condition={"StringLike": {"aws:ResourceTag/headrace:pipeline": "*"}},
        ),
    ),
    case(
        functions.jobs_may_run_in_a_vpc,
        "PipelineRole",
        drop("PipelineRole", "Policies", 1),
    ),
    case(
        functions.operations_nobody_reaches,
        "sagemaker start_pipeline_execution",
        drop("AdvanceRunFunction"),
    ),
]
