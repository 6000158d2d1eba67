"""SQS event sources deliver batches up to the mapping's size, within its window.

MiniStack hands over at most 10 messages, at once. Lambda's pollers gather: a batch goes out when it
is full or when its oldest message has waited for the mapping's `MaximumBatchingWindowInSeconds`.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

from ministack.core.concurrency import esm_wake
from ministack.services import lambda_svc, sqs

from local_cloud.ministack import roles, seams

logger = logging.getLogger("local_cloud.queues")
# What Lambda's pollers do, in the function's name.
POLLING = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")


def window_of(queue_arn: str) -> float:
    """How long a batch from a queue may be gathered, in seconds."""
    windows = (float(m.get("MaximumBatchingWindowInSeconds") or 0) for m in mappings_of(queue_arn))
    return max(windows, default=0.0)


def mappings_of(queue_arn: str) -> list[dict[str, Any]]:
    """The event source mappings of a queue."""
    mappings = list(lambda_svc._esms._data.values())
    return [mapping for mapping in mappings if mapping.get("EventSourceArn") == queue_arn]


def may_be_polled(queue_arn: str) -> bool:
    """Whether the roles of the functions that poll a queue may do so; if not, the log says why."""
    for mapping in mappings_of(queue_arn):
        function = mapping["FunctionName"]
        record, config = lambda_svc._get_func_record_for_qualifier(function, None)
        if record is None or not config:
            continue  # deleted meanwhile
        try:
            for action in POLLING:
                roles.require(config["Role"], function, action, queue_arn)
        except roles.Refused as error:
            logger.warning("%s may not poll its queue: %s", function, error)
            return False
    return True


def receive(queue_url: str, max_number: int) -> list[dict[str, Any]]:
    """Take a batch from a queue, or nothing while it is still being gathered."""
    with sqs._queues_lock:
        queue = sqs._get_q(queue_url)
        sqs._expire_retained(queue)
        sqs._dlq_sweep(queue)
        now = time.time()
        waiting = [m["sent_at"] for m in queue["messages"] if m.get("visible_at", 0) <= now]
        if not waiting:
            return []
        left = min(waiting) + window_of(queue["attributes"]["QueueArn"]) - now
        if len(waiting) < max_number and left > 0:
            timer = threading.Timer(left, esm_wake.set)
            timer.daemon = True
            timer.start()
            return []
        if not may_be_polled(queue["attributes"]["QueueArn"]):
            return []
        visibility = int(queue["attributes"].get("VisibilityTimeout", "30"))
        batch: list[dict[str, Any]] = sqs._collect_msgs(queue, int(max_number), visibility)
        return batch


def install() -> None:
    """Gather batches for every event source mapping of a queue."""
    seams.replace(sqs, "_receive_messages_for_esm", "queue_url max_number", receive)
    for name, parameters in (
        ("_collect_msgs", "q max_n vis_timeout"),
        ("_expire_retained", "q"),
        ("_dlq_sweep", "q"),
        ("_get_q", "url action"),
    ):
        seams.replace(sqs, name, parameters, getattr(sqs, name))
