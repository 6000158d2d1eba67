"""EventBridge rule targets: permission, the retry policy and the dead-letter queue.

MiniStack delivers once and drops what it could not deliver. On AWS a target that does not exist
or denies EventBridge access goes to the rule's dead-letter queue at once, anything else is
retried as the target's RetryPolicy says; a function is invoked asynchronously. Queues, topics and
functions must allow `events.amazonaws.com` in their policy, and so must the dead-letter queue.
"""

from __future__ import annotations

import contextvars
import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy
from ministack.core.responses import get_account_id, get_region, new_uuid
from ministack.services import eventbridge, lambda_svc, sns, sqs, stepfunctions

from local_cloud.ministack import seams

logger = logging.getLogger("local_cloud.rules")

SERVICE = "events.amazonaws.com"
RETRY_SECONDS = 0.5  # the first of AWS's exponential backoff


class NotDeliveredError(Exception):
    """A target that no retry will reach: `code` is the dead letter's ERROR_CODE."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Delivery:
    """One attempt to deliver: the rule it is for, what was sent, and what went wrong."""

    rule_arn: str
    payload: str = ""
    error: Exception | None = None
    attempts: int = field(default=0)


_delivery: contextvars.ContextVar[Delivery] = contextvars.ContextVar("delivery")


def check(target_arn: str, rule_arn: str) -> None:
    """Raise unless the target exists and its policy allows the rule."""
    service, account = target_arn.split(":")[2], get_account_id()
    allowed = True
    if service == "sqs":
        exists = sqs._queue_by_arn(target_arn) is not None
        allowed = exists and sqs.queue_policy_allows(target_arn, SERVICE, rule_arn, account)
    elif service == "sns":
        exists = sns._topic_by_arn_any_scope(target_arn) is not None
        allowed = exists and sns.topic_policy_allows(target_arn, SERVICE, rule_arn, account)
    elif service == "lambda":
        func, _config, _name = lambda_svc._get_func_record_for_ref(target_arn)
        exists = func is not None
        allowed = func is not None and _function_allows(func, target_arn, rule_arn, account)
    elif service == "states":
        exists = stepfunctions._resolve_state_machine_arn(target_arn) is not None
    else:
        exists = True
    if not exists:
        raise NotDeliveredError("RESOURCE_NOT_FOUND", f"{target_arn} does not exist")
    if not allowed:
        raise NotDeliveredError(
            "NO_PERMISSIONS", f"{target_arn} does not allow {SERVICE} for {rule_arn}"
        )


def _function_allows(func: dict[str, Any], arn: str, rule_arn: str, account: str) -> bool:
    context = EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action="lambda:InvokeFunction",
        resource_arn=arn,
        region=get_region(),
        service_context={"aws:sourcearn": rule_arn, "aws:sourceaccount": account},
    )
    policy = json.dumps(func.get("policy") or {})
    return bool(evaluate_resource_policy(policy, context, service=SERVICE).decision == "Allow")


def dead_letter(queue_arn: str, target: dict[str, Any], delivery: Delivery) -> None:
    """Put what was not delivered into the target's dead-letter queue, with AWS's attributes."""
    error = delivery.error
    retried = delivery.attempts > 1
    attributes = {
        "RULE_ARN": delivery.rule_arn,
        "TARGET_ARN": target["Arn"],
        "ERROR_CODE": error.code if isinstance(error, NotDeliveredError) else "INTERNAL_ERROR",
        "ERROR_MESSAGE": str(error),
        "RETRY_ATTEMPTS": str(delivery.attempts - 1) if retried else "",
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts" if retried else "",
    }
    try:
        check(queue_arn, delivery.rule_arn)
    except NotDeliveredError as refused:
        logger.error("event of %s is lost: %s", delivery.rule_arn, refused)
        return
    sqs._act_send_message(
        {
            "MessageBody": delivery.payload,
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
                if value
            },
        },
        sqs._queue_url(queue_arn.rsplit(":", 1)[-1]),
    )


def invoke_function(arn: str, payload: str) -> None:
    """Hand the event to Lambda's asynchronous queue, whose retries and destination then apply."""
    func, config, _name = lambda_svc._get_func_record_for_ref(arn)
    record = lambda_svc._execution_record_for_config(func, config)
    lambda_svc.invoke_async_with_retry(record, json.loads(payload))


def _watched(arn_of: Callable[[Any], str], send: Callable[..., None]) -> Callable[..., None]:
    """`send(target, payload, ...)`, checked first, with its failure recorded for the delivery."""

    def deliver(target: Any, payload: str, *more: Any) -> None:
        delivery = _delivery.get(None) or Delivery(rule_arn="")
        delivery.payload = payload
        try:
            if delivery.rule_arn:
                check(arn_of(target), delivery.rule_arn)
            send(target, payload, *more)
        except Exception as error:
            delivery.error = error
            raise

    return deliver


def install() -> None:
    """Wrap every target's dispatcher, and handle its failure after each attempt."""

    def deliver(
        target: dict[str, Any],
        event: dict[str, Any],
        rule: dict[str, Any],
        view: Any = None,
        attempts: int = 0,
    ) -> None:
        bus = rule.get("EventBusName", "default")
        delivery = Delivery(eventbridge._rule_arn(rule["Name"], bus), attempts=attempts + 1)
        token = _delivery.set(delivery)
        try:
            invoke_target(target, event, rule, view)
        finally:
            _delivery.reset(token)
        if delivery.error is None:
            return
        retries = int((target.get("RetryPolicy") or {}).get("MaximumRetryAttempts", 185))
        if isinstance(delivery.error, NotDeliveredError) or attempts >= retries:
            queue_arn = (target.get("DeadLetterConfig") or {}).get("Arn")
            if queue_arn:
                dead_letter(queue_arn, target, delivery)
            return
        context = contextvars.copy_context()
        timer = threading.Timer(
            min(RETRY_SECONDS * 2**attempts, 60),
            context.run,
            [deliver, target, event, rule, view, attempts + 1],
        )
        timer.daemon = True
        timer.name = f"rule-retry-{new_uuid()[:8]}"
        timer.start()

    invoke_target = seams.replace(eventbridge, "_invoke_target", "target event rule view", deliver)
    seams.replace(eventbridge, "_dispatch_to_lambda", "arn payload", _watched(str, invoke_function))
    for name, parameters in (
        ("_dispatch_to_sqs", "spec payload sqs_parameters"),
        ("_dispatch_to_sns", "arn payload"),
        ("_dispatch_to_stepfunctions", "arn payload"),
    ):
        send = getattr(eventbridge, name)
        seams.replace(eventbridge, name, parameters, _watched(str, send))
