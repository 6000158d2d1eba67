"""Prices the recorded work of the control plane, item by item."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from benchmarks import prices
from benchmarks.clouds import Call, Record

COLD_SECONDS = 0.5  # each invocation is priced as a cold start, the upper end
MEMORY_GB = 0.5
SQS_REQUESTS = 3  # for a message: sent, received, deleted
KILOBYTE = 1024


@dataclass(frozen=True, slots=True)
class Bill:
    """Dollars by service."""

    dollars: dict[str, float]

    @property
    def total(self) -> float:
        """All of it."""
        return sum(self.dollars.values())

    def __str__(self) -> str:
        shares = sorted(self.dollars.items(), key=lambda item: -item[1])
        return ", ".join(f"{name} {100 * value / self.total:.0f} %" for name, value in shares)


def bill(record: Record, messages: int) -> Bill:
    """The bill of a record, with so many messages that EventBridge put into the inbox; no mail."""
    dollars = _calls(record.calls)
    dollars["SQS"] += messages * SQS_REQUESTS * prices.SQS_REQUEST
    seconds = MEMORY_GB * COLD_SECONDS * prices.LAMBDA_GB_SECOND
    dollars["Lambda"] += sum(record.invocations.values()) * (prices.LAMBDA_REQUEST + seconds)
    dollars["Step Functions"] += record.transitions * prices.STEP_FUNCTIONS_TRANSITION
    return Bill(dict(dollars))


def _calls(calls: Iterable[Call]) -> defaultdict[str, float]:
    """The price of API calls, by service; calls that are not listed cost nothing."""
    dollars: defaultdict[str, float] = defaultdict(float)
    for call in calls:
        match call.operation:
            case "TransactWriteItems":
                written = sum(_units(one["Put"]["Item"]) for one in call.request["TransactItems"])
                dollars["DynamoDB"] += 2 * written * prices.DYNAMODB_WRITE_UNIT
            case "DeleteItem":
                dollars["DynamoDB"] += prices.DYNAMODB_WRITE_UNIT
            case "GetItem" | "Query":
                dollars["DynamoDB"] += prices.DYNAMODB_READ_UNIT
            case "BatchGetItem":
                read = sum(len(table["Keys"]) for table in call.request["RequestItems"].values())
                dollars["DynamoDB"] += read * prices.DYNAMODB_READ_UNIT
            case "Publish":
                dollars["SNS"] += prices.SNS_PUBLISH
            case "SendMessage":
                dollars["SQS"] += SQS_REQUESTS * prices.SQS_REQUEST
            case "PutObject" | "ListObjectVersions":
                dollars["S3"] += prices.S3_PUT
            case "GetObject":
                dollars["S3"] += prices.S3_GET
    return dollars


def _units(item: dict[str, Any]) -> int:
    """The write units of an item."""
    size = sum(len(name) + sum(map(len, typed.values())) for name, typed in item.items())
    return math.ceil(size / KILOBYTE)
