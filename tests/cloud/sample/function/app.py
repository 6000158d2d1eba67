"""A function that does what its event says, so that a test can look at how it ran."""

import json
import os
import time
from typing import Any

import shared


class TooBusyError(Exception):
    """An error with a name of its own."""


def handler(event: Any, context: Any) -> Any:
    do = event.get("do", "echo") if isinstance(event, dict) else "echo"
    if do == "raise":
        print(json.dumps({"attempt": event.get("mark")}))
        print(json.dumps({"of": event.get("mark"), "request": context.aws_request_id}))
        raise TooBusyError("try again")
    if do == "sleep":
        time.sleep(event["seconds"])
    if do == "environment":
        return {"environment": dict(os.environ), "shared": shared.ANSWER}
    if do == "import":
        try:
            __import__(event["module"])
        except ImportError:
            return "absent"
        return "present"
    print(json.dumps({"seen": do}))
    return {"pid": os.getpid(), "name": context.function_name, "event": event}


def batch(event: Any, context: Any) -> Any:
    """Fails the records that say so, and nothing else."""
    time.sleep(0.2)
    bad = [r["messageId"] for r in event["Records"] if r["body"] == "bad"]
    print(json.dumps({"pid": os.getpid(), "bodies": [r["body"] for r in event["Records"]]}))
    return {"batchItemFailures": [{"itemIdentifier": i} for i in bad]}
