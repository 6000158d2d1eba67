"""The main job from an empty cloud to its end, calm or under chaos, and its end as values."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from demo import stages
from demo.commands import commands_in
from demo.data import shells
from demo.loop import Loop
from local_cloud.chaos.chaos import Chaos
from local_cloud.cloud import INFO, Cloud

FORGOTTEN_SECONDS = 8
RECONCILE_SECONDS = 4.0
PATIENCE = 240.0  # seconds, for whatever a stage waits for
AGAIN_SECONDS = "8"
QUEUES = ("InboxQueueUrl", "NotifyQueueUrl")

_T = TypeVar("_T")


class PatientLoop(Loop):
    """Waits longer than a calm day asks for."""

    def wait(self, what: str, ask: Callable[[], _T | None], seconds: float = PATIENCE) -> _T:
        return super().wait(what, ask, max(seconds, PATIENCE))


@dataclass(frozen=True)
class End:
    """What the main job leaves behind, without what differs between any two: ids and times."""

    versions: list[tuple[int, str, str, str]]  # number, kind, approval, the board's reference
    live: int
    inference_uses: int  # the version whose artefact the inference pipeline has
    runs: dict[str, list[str]]  # pipeline -> status of each run
    predictions: dict[str, list[str]]  # input -> rows
    lanes: dict[str, tuple[str, str, str, int]]  # run, request, refresh under way; retunings
    mails: Counter[str]  # subject
    dead_letters: int
    unhanded: int  # actions decided and not handed over


@contextmanager
def time_passes(loop: Loop) -> Iterator[None]:
    """Have the reconciler look every few seconds instead of every ten minutes."""
    function = f"{loop.info['stack_name']}-reconcile"
    over, client = threading.Event(), loop.client("lambda")

    def look() -> None:
        while not over.wait(RECONCILE_SECONDS):
            try:
                client.invoke(FunctionName=function, Payload=b'{"inventory": false}')
            except (ClientError, BotoCoreError) as error:  # the next look comes anyway
                print(f"reconcile could not be invoked: {error}")

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def hasten_redelivery(loop: Loop) -> None:
    """Let a message that a dead function held come back in seconds instead of three minutes."""
    for queue in QUEUES:
        loop.sqs.set_queue_attributes(
            QueueUrl=loop.info["outputs"][queue],
            Attributes={"VisibilityTimeout": AGAIN_SECONDS},
        )


def whole_job(cloud: Cloud) -> End:
    """All stages, one after the other; faults stop before the end is looked at."""
    loop = PatientLoop.of(cloud.home / INFO)
    hasten_redelivery(loop)
    with cloud.calm():
        cloud.run_ci({"HEADRACE_ACTION": "upsert", "HEADRACE_PROJECT": loop.project})
        stages.created(loop)
    data = shells()
    with time_passes(loop):
        trained = stages.train(loop, data.heavy)
        stages.approve(loop, trained.version, commands_in(trained.mail.text)[0])
        stages.score(loop, data.kept_back, "heavy-kept-back.csv")
        drifted = stages.drift(loop, data.light, "light.csv")
        stages.review(loop, drifted.retuned)
        stages.crash(loop, data.kept_back[:60], "lacks-a-label.csv")
        with cloud.calm():
            loop.wait("everything to come to rest", lambda: at_rest(loop))
            return end_of(loop)


# --- the end, as values ---------------------------------------------------------------------------


def items(loop: Loop, pk: str) -> list[dict[str, Any]]:
    pages = loop.client("dynamodb").get_paginator("query")
    found = pages.paginate(
        TableName=loop.info["outputs"]["LedgerTableName"],
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": pk}},
        ConsistentRead=True,
    )
    return [json.loads(item["doc"]["S"]) for page in found for item in page["Items"]]


def lanes(loop: Loop) -> dict[str, dict[str, Any]]:
    names = (loop.training, loop.training_hpo, loop.inference)
    return {name: items(loop, f"LANE#{name}")[0] for name in names}


def messages_in(loop: Loop, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    answer = loop.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
    return sum(int(answer["Attributes"][name]) for name in names)


def executions_running(loop: Loop) -> int:
    answer = loop.client("stepfunctions").list_executions(
        stateMachineArn=loop.info["outputs"]["StateMachineArn"], statusFilter="RUNNING"
    )
    return len(answer["executions"])


def at_rest(loop: Loop) -> bool:
    """Whether nothing is under way: no event, no action, no run."""
    return not (
        any(messages_in(loop, loop.info["outputs"][queue]) for queue in QUEUES)
        or items(loop, "OUTBOX")
        or executions_running(loop)
        or any(lane["current"] or lane["waiting"] for lane in lanes(loop).values())
    )


def end_of(loop: Loop) -> End:
    versions, definition = stages.versions(loop), json.dumps(stages.inference_definition(loop))
    number_of = {version.arn: version.number for version in versions}
    runs = {
        pipeline: [loop.run(arn) for arn in loop.run_arns(pipeline)]
        for pipeline in (loop.training, loop.training_hpo, loop.inference)
    }
    predictions: dict[str, list[str]] = {}
    for run in runs[loop.inference]:
        predictions |= stages.predictions_of(loop, run)
    found = lanes(loop)
    dead = [url for url in loop.sqs.list_queues()["QueueUrls"] if "DeadLetters" in url]
    (uses,) = [version.number for version in versions if version.artefact in definition]
    return End(
        versions=[
            (v.number, v.metadata["kind"], v.approval, v.metadata.get("review_board_reference", ""))
            for v in versions
        ],
        live=number_of[found[loop.inference]["rollout"]["live"]],
        inference_uses=uses,
        runs={pipeline: [run.status for run in of] for pipeline, of in runs.items()},
        predictions=predictions,
        lanes={
            name: (
                lane["current"] or "",
                lane["waiting"] or "",
                lane["rollout"]["wanted"],
                len(lane["retuned_at"]),
            )
            for name, lane in found.items()
        },
        mails=Counter(
            subject_and_cause(mail.subject, mail.text, number_of, runs) for mail in loop.mails()
        ),
        dead_letters=sum(messages_in(loop, url) for url in dead),
        unhanded=len(items(loop, "OUTBOX")),
    )


def subject_and_cause(
    subject: str, text: str, number_of: dict[str, int], runs: dict[str, list[Any]]
) -> str:
    """A mail's subject, with the run or version that it is about by number instead of by id."""
    named = [
        f"run {number} of {pipeline}"
        for pipeline, of in runs.items()
        for number, run in enumerate(of, 1)
        if run.id in text
    ]
    named += [f"version {number}" for arn, number in number_of.items() if arn in text]
    return f"{subject} ({', '.join(named)})"


def deployed(home: Path, chaos: Chaos | None = None) -> Cloud:
    """A cloud whose reconciler is as impatient as the test."""
    parameters = {"ForgottenAfterSeconds": str(FORGOTTEN_SECONDS)}
    return Cloud(home, parameters=parameters, chaos=chaos)
