"""Timer -> inbox: puts back what no event told."""

import json
from typing import Any

from aws_lambda_powertools import Logger
from headrace.adapters.ledger import Ledger, now
from headrace.adapters.queue import send
from headrace.adapters.statemachine import start
from headrace.runtime import setting
from headrace.use_cases.decide import Inbox
from headrace.use_cases.reconcile import FORGOTTEN, Reconciler

logger = Logger()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: Any) -> dict[str, int]:
    """Look at every project once; at its folders too, when the timer says so."""
    reconciler = Reconciler(
        inbox=Inbox(
            ledger=Ledger(setting("LEDGER_TABLE")),
            start=lambda name, act: start(setting("STATE_MACHINE_ARN"), name, json.dumps(act)),
            now=now,
            warn=logger.warning,
        ),
        bucket=setting("DATA_BUCKET"),
        put=lambda envelope: send(setting("INBOX_QUEUE_URL"), json.dumps(envelope)),
        tell=lambda envelope: send(setting("NOTIFY_QUEUE_URL"), json.dumps(envelope)),
        forgotten=float(setting("FORGOTTEN_AFTER_SECONDS", str(FORGOTTEN))),
    )
    put_back = reconciler.run(inventory=event.get("inventory") is True)
    logger.info("reconciled", extra={"put_back": put_back})
    return {"put_back": put_back}
