"""Rules about what carries events: nothing is lost silently, nothing waits unseen.

A rule takes the stack and returns complaints; each complaint names the resource.
"""

from headrace.adapters import ledger

from tests.template.expanded_stack import Stack, many, named

FOURTEEN_DAYS = 14 * 24 * 3600
# EventBridge tries for a day before it lets go of an event, Lambda for six hours.
ON_THE_WAY = 24 * 3600 + 6 * 3600


def targets_have_dead_letter_queues(stack: Stack) -> list[str]:
    """What EventBridge cannot deliver goes to a queue that takes it from that very rule."""
    found = []
    for rule, target in stack.targets():
        queue = target.get("DeadLetterConfig", {}).get("Arn", "nothing")
        if not _takes_from(stack, queue, rule):
            found.append(f"{rule}/{target['Id']}: {queue} takes no dead letters from the rule")
    return found


def targets_let_their_rule_in(stack: Stack) -> list[str]:
    """A queue names the rules that write to it, a function the service and the account."""
    found = []
    for rule, target in stack.targets():
        name = named(target["Arn"])
        if stack.types.get(name) == "AWS::SQS::Queue":
            fits = _takes_from(stack, target["Arn"], rule)
        else:
            fits = any(
                named(permission["FunctionName"]) == name
                and permission["Principal"] == "events.amazonaws.com"
                and ":rule/<AWS::StackName>-" in permission.get("SourceArn", "")
                and permission.get("SourceAccount") == "<AWS::AccountId>"
                for permission in stack.of("Lambda::Permission").values()
            )
        if not fits:
            found.append(f"{rule}/{target['Id']}: {target['Arn']} does not let the rule in")
    return found


def targets_have_retry_policies(stack: Stack) -> list[str]:
    """How long EventBridge tries is written down."""
    wanted = {"MaximumEventAgeInSeconds", "MaximumRetryAttempts"}
    return [
        f"{rule}/{target['Id']}: RetryPolicy lacks {wanted - target.get('RetryPolicy', {}).keys()}"
        for rule, target in stack.targets()
        if not wanted <= target.get("RetryPolicy", {}).keys()
    ]


def targets_have_no_role(stack: Stack) -> list[str]:
    """Lambda, SNS and SQS are entered by their own policies, not by a role of EventBridge's."""
    return [
        f"{rule}/{target['Id']}: has a RoleArn"
        for rule, target in stack.targets()
        if "RoleArn" in target
        and stack.types.get(named(target["Arn"]))
        in {"AWS::Lambda::Function", "AWS::SNS::Topic", "AWS::SQS::Queue"}
    ]


def queues_hide_messages_long_enough(stack: Stack) -> list[str]:
    """A message stays hidden for six times as long as the function may take (AWS's advice)."""
    found = []
    for source in stack.of("Lambda::EventSourceMapping").values():
        queue, function = named(source["EventSourceArn"]), named(source["FunctionName"])
        hidden = stack.properties[queue].get("VisibilityTimeout", 30)
        needed = 6 * stack.properties[function].get("Timeout", 3)
        if hidden < needed:
            found.append(f"{queue}: VisibilityTimeout {hidden} is below {needed}")
    return found


def polled_queues_redrive(stack: Stack) -> list[str]:
    """A message that fails again and again leaves its queue for a dead-letter queue."""
    return [
        f"{queue}: has no RedrivePolicy"
        for queue in _polled(stack)
        if "deadLetterTargetArn" not in stack.properties[queue].get("RedrivePolicy", {})
    ]


def dead_letters_are_kept(stack: Stack) -> list[str]:
    """For fourteen days, the longest that SQS keeps anything."""
    return [
        f"{queue}: keeps messages for less than fourteen days"
        for queue in sorted(stack.dead_letter_queues())
        if stack.properties[queue].get("MessageRetentionPeriod", 0) < FOURTEEN_DAYS
    ]


def the_ledger_remembers_longer(stack: Stack) -> list[str]:
    """What was seen outlives the oldest dead letter that may be delivered again."""
    longest = ON_THE_WAY + sum(
        max(stack.properties[queue].get("MessageRetentionPeriod", 345600) for queue in queues)
        for queues in (_polled(stack), stack.dead_letter_queues())
    )
    tables = [
        name
        for name, table in stack.of("DynamoDB::Table").items()
        if not table.get("TimeToLiveSpecification", {}).get("Enabled")
    ]
    found = [f"{name}: forgets nothing; TTL is off" for name in tables]
    if longest >= ledger._TTL_SECONDS:
        found.append(f"headrace.adapters.ledger forgets after less than {longest} seconds")
    return found


def queues_have_alarms(stack: Stack) -> list[str]:
    """A dead letter, or a message that waits too long, notifies people."""
    wanted = [(queue, "ApproximateAgeOfOldestMessage") for queue in _polled(stack)]
    wanted += [
        (queue, "ApproximateNumberOfMessagesVisible") for queue in stack.dead_letter_queues()
    ]
    there = {
        (named(dimension["Value"]), alarm["MetricName"])
        for alarm in stack.of("CloudWatch::Alarm").values()
        for dimension in alarm["Dimensions"]
        if alarm["Namespace"] == "AWS/SQS" and dimension["Name"] == "QueueName"
    }
    return [
        f"{queue}: no alarm on {metric}" for queue, metric in wanted if (queue, metric) not in there
    ]


def alarms_reach_people(stack: Stack) -> list[str]:
    """An alarm acts on a topic that lets CloudWatch in, and so does the topic's key."""
    found = []
    for name, alarm in stack.of("CloudWatch::Alarm").items():
        topics = [named(action) for action in alarm.get("AlarmActions", [])]
        if not topics or alarm.get("ActionsEnabled", True) is not True:
            found.append(f"{name}: acts on nothing")
        for topic in topics:
            key = named(stack.properties[topic].get("KmsMasterKeyId"))
            if not _cloudwatch_may(stack, "sns:Publish", f"<{topic}>"):
                found.append(f"{name}: CloudWatch may not publish to {topic}")
            if key and not _cloudwatch_may(stack, "kms:GenerateDataKey*", "*", key):
                found.append(f"{name}: CloudWatch may not use {key}")
    return found


def asynchronous_functions_have_on_failure_destinations(stack: Stack) -> list[str]:
    """What an asynchronously invoked function does not take is kept."""
    kept = {
        named(config["FunctionName"])
        for config in stack.of("Lambda::EventInvokeConfig").values()
        if named(config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination"))
    }
    invoked = {
        named(permission["FunctionName"])
        for permission in stack.of("Lambda::Permission").values()
        if "." in permission["Principal"]  # a service's: all that we let in invoke asynchronously
    }
    return [f"{name}: has no on-failure destination" for name in sorted(invoked - kept)]


def _polled(stack: Stack) -> list[str]:
    return [
        named(source["EventSourceArn"])
        for source in stack.of("Lambda::EventSourceMapping").values()
    ]


def _takes_from(stack: Stack, queue_arn: str, rule: str) -> bool:
    policies = {
        name: [named(queue) for queue in many(policy["Queues"])]
        for name, policy in stack.of("SQS::QueuePolicy").items()
    }
    return any(
        statement.allows
        and named(queue_arn) in policies.get(statement.resource, [])
        and queue_arn in statement.resources
        and ("Service", "events.amazonaws.com") in statement.principals
        and "sqs:SendMessage" in statement.actions
        and f"<{rule}.Arn>" in statement.condition_values("aws:SourceArn")
        for statement in stack.statements()
    )


def _cloudwatch_may(stack: Stack, action: str, resource: str, of: str = "") -> bool:
    return any(
        statement.allows
        and (statement.resource == of or not of)
        and ("Service", "cloudwatch.amazonaws.com") in statement.principals
        and action in statement.actions
        and resource in statement.resources
        for statement in stack.statements()
    )
