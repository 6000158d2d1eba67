"""SNS: e-mail subscriptions are delivered over SMTP; what AWS would reject is rejected.

That is an invalid subject, a publisher who may not use the topic's key, and a filter policy beyond
SNS's limits. Lists show
`PendingConfirmation` in place of the ARN of a subscription that nobody confirmed, as on AWS.

On AWS a person confirms an e-mail subscription by a link; here it is confirmed at once, since
the mailbox is the laptop's own.
"""

from __future__ import annotations

import json
import logging
import queue
import smtplib
import threading
import time
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from math import prod
from typing import Any
from urllib.parse import parse_qs

from ministack import app
from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.core.router import extract_access_key_id
from ministack.services import sns

from local_cloud.ministack import seams

logger = logging.getLogger("local_cloud.topics")

SENDER = Address("AWS Notifications", "no-reply", "sns.amazonaws.com")
DEFAULT_SUBJECT = "AWS Notification Message"
ATTEMPTS = 5
_POLICY = "Invalid parameter: FilterPolicy"


def message(
    recipient: str, subject: str, body: str, message_id: str, topic_arn: str
) -> EmailMessage:
    """The mail that SNS sends for one notification."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = SENDER
    mail["To"] = recipient
    mail["Subject"] = subject or DEFAULT_SUBJECT
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = f"<{message_id}@sns.amazonaws.com>"
    mail["X-Amz-Sns-Topic-Arn"] = topic_arn
    mail.set_content(body, charset="utf-8")
    return mail


class Postman:
    """Sends mails to the SMTP server in the order of publishing, on a thread of its own."""

    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port
        self.letters: queue.Queue[EmailMessage] = queue.Queue()
        threading.Thread(target=self._work, name="sns-email", daemon=True).start()

    def post(self, letter: EmailMessage) -> None:
        self.letters.put(letter)

    def drain(self) -> None:
        """Wait until everything is delivered or given up."""
        self.letters.join()

    def _work(self) -> None:
        while True:
            letter = self.letters.get()
            try:
                self._deliver(letter)
            finally:
                self.letters.task_done()

    def _deliver(self, letter: EmailMessage) -> None:
        for attempt in range(ATTEMPTS):
            try:
                with smtplib.SMTP(self.host, self.port, timeout=10) as server:
                    server.send_message(letter)
                return
            except (OSError, smtplib.SMTPException) as error:
                logger.warning("mail to %s not delivered yet: %s", letter["To"], error)
                time.sleep(0.2 * 2**attempt)
        logger.error("mail to %s lost: %s", letter["To"], letter["Subject"])


def refuse_subject(subject: str) -> None:
    """Raise as SNS does for a subject that is too long or breaks a header."""
    broken = any(ord(character) < 32 or ord(character) == 127 for character in subject)
    if subject and (len(subject) >= 100 or broken or not subject[0].strip()):
        raise sns.SnsPublishError("InvalidParameter", "Invalid parameter: Subject")


def refuse_key(headers: dict[str, str], query: dict[str, Any], topic_arn: str) -> Any:
    """The error of a publisher who may not use the key of an encrypted topic, or None."""
    topic = sns._topic_by_arn_any_scope(topic_arn) or {"attributes": {}}
    key = str(topic["attributes"].get("KmsMasterKeyId") or "")
    if not key or key.startswith("alias/") or not app.AUTH:
        return None
    if not key.startswith("arn:"):
        key = f"arn:aws:kms:{get_region()}:{get_account_id()}:key/{key}"
    caller = extract_access_key_id(headers, query)
    for action in ("kms:GenerateDataKey", "kms:Decrypt"):
        denied = iam_evaluator.enforce(caller, action, "kms", get_region(), resource_arn=key)
        if denied is not None:
            who = getattr(denied, "principal_arn", caller)
            text = f"User: {who} is not authorized to perform: {action} on resource: {key}"
            return sns._error("KMSAccessDenied", text, 400)
    return None


def combinations(policy: Any) -> int:
    """How many combinations of values a filter policy has; of the ways of an `$or`, their sum."""
    if isinstance(policy, list):
        return len(policy)
    if not isinstance(policy, dict):
        return 1
    return prod(
        sum(map(combinations, value)) if name == "$or" else combinations(value)
        for name, value in policy.items()
    )


def refuse_policy(topic: dict[str, Any], text: str, subscription: str = "") -> Any:
    """The error of a filter policy that SNS would not take for a subscription, or None.

    https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html and
    https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html
    """
    try:
        policy = json.loads(text or "{}")
    except json.JSONDecodeError:
        return sns._error("InvalidParameter", f"{_POLICY}: failed to parse JSON.", 400)
    if not policy:
        return None
    if len(policy) > 5:
        said = f"{_POLICY}: Filter policy can not have more than 5 keys"
        return sns._error("InvalidParameter", said, 400)
    if combinations(policy) > 150:
        return sns._error("InvalidParameter", f"{_POLICY}: Filter policy is too complex", 400)
    others = [one for one in topic["subscriptions"] if one["arn"] != subscription]
    held = [one for one in others if one["attributes"].get("FilterPolicy") not in (None, "", "{}")]
    if len(held) >= 200:
        said = "Filter policy limit exceeded for the topic: 200"
        return sns._error("FilterPolicyLimitExceeded", said, 403)
    return None


def _refuse_policies() -> None:
    """Subscriptions take the filter policies that SNS takes."""

    def subscribing(params: Any) -> Any:
        topic = sns._topic_by_arn_any_scope(sns._p(params, "TopicArn"))
        for number in range(1, len(params) + 1):
            if topic and sns._p(params, f"Attributes.entry.{number}.key") == "FilterPolicy":
                text = sns._p(params, f"Attributes.entry.{number}.value")
                if refused := refuse_policy(topic, text):
                    return refused
        return subscribe(params)

    def setting(params: Any) -> Any:
        arn = sns._p(params, "SubscriptionArn")
        topic = sns._topic_by_arn_any_scope(arn.rpartition(":")[0])
        refused = None
        if topic and sns._p(params, "AttributeName") == "FilterPolicy":
            refused = refuse_policy(topic, sns._p(params, "AttributeValue"), arn)
        return refused or set_attributes(params)

    subscribe = seams.replace(sns, "_subscribe", "params", subscribing)
    set_attributes = seams.replace(sns, "_set_subscription_attributes", "params", setting)


def _ask_for_keys() -> None:
    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Any:
        given = {**query, **parse_qs(body.decode("utf-8", "replace"))}
        refused = None
        if given.get("Action") in (["Publish"], ["PublishBatch"]) and given.get("TopicArn"):
            refused = refuse_key(headers, query, given["TopicArn"][0])
        return refused or await served(method, path, headers, body, query)

    served = app.SERVICE_HANDLERS["sns"]
    app.SERVICE_HANDLERS["sns"] = handle


def _hide_arns_of_unconfirmed() -> None:
    """API_Subscription: what waits for its confirmation has no ARN yet."""

    def hiding(name: str) -> None:
        def listed(params: Any) -> Any:
            status, headers, body = original(params)
            for topic in sns._topics.values():
                for one in topic["subscriptions"]:
                    if not one["confirmed"]:
                        arn = f"<SubscriptionArn>{one['arn']}<".encode()
                        body = body.replace(arn, b"<SubscriptionArn>PendingConfirmation<")
            return status, headers, body

        original = seams.replace(sns, name, "params", listed)

    for name in ("_list_subscriptions", "_list_subscriptions_by_topic"):
        hiding(name)


def install(smtp_host: str, smtp_port: int) -> Postman:
    """Deliver to e-mail subscriptions; returns the Postman, so that a stop can wait for it."""
    _ask_for_keys()
    _hide_arns_of_unconfirmed()
    _refuse_policies()
    postman = Postman(smtp_host, smtp_port)

    def publish(topic_arn: str, text: Any, subject: str = "", **more: Any) -> Any:
        refuse_subject(subject or "")
        return publish_internal(topic_arn, text, subject, **more)

    def fan_out(
        topic_arn: str,
        msg_id: str,
        text: str,
        subject: str,
        message_structure: str = "",
        message_attributes: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        attributes = message_attributes or {}
        fanout(topic_arn, msg_id, text, subject, message_structure, attributes, **more)
        topic = sns._topic_by_arn_any_scope(topic_arn) or {"subscriptions": []}
        for subscription in topic["subscriptions"]:
            protocol = subscription.get("protocol", "")
            if protocol not in ("email", "email-json") or not subscription.get("confirmed"):
                continue
            body = sns._resolve_message_for_protocol(text, message_structure, protocol)
            if not sns._matches_filter_policy(subscription, attributes, body):
                continue
            if protocol == "email-json":
                envelope = sns._build_envelope(topic_arn, msg_id, body, subject, attributes, False)
                body = json.dumps(json.loads(envelope), indent=2, ensure_ascii=False)
            endpoint = subscription["endpoint"]
            postman.post(message(endpoint, subject, body, msg_id, topic_arn))

    publish_internal = seams.replace(
        sns,
        "publish_internal",
        "topic_arn message subject message_structure message_attributes message_group_id "
        "message_deduplication_id",
        publish,
    )
    fanout = seams.replace(
        sns,
        "_fanout",
        "topic_arn msg_id message subject message_structure message_attributes "
        "message_group_id message_dedup_id",
        fan_out,
    )
    return postman
