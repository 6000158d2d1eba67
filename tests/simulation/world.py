"""The product's own functions in a simulated account: only what they call is replaced."""

import importlib.util
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

from botocore.exceptions import BotoCoreError, ClientError
from headrace.adapters.ledger import Ledger
from headrace.domain.errors import HeadraceError
from headrace.domain.project import Project
from headrace.runtime import Runtime

from tests.simulation.act import StateMachine, TaskFailed
from tests.simulation.clock import HOUR, MINUTE, Clock
from tests.simulation.dynamodb import SimulatedDynamoDB
from tests.simulation.faults import Faults, Killed, Mix
from tests.simulation.gitlab import SimulatedGitLab
from tests.simulation.queues import EventBridge, Queue, QueueSettings
from tests.simulation.registry import Registry
from tests.simulation.sagemaker import Fate, Run, SimulatedSageMaker
from tests.simulation.services import (
    SimulatedS3,
    SimulatedSecrets,
    SimulatedSns,
    SimulatedSqs,
    SimulatedStates,
)

ROOT = Path(__file__).parents[2]
BUCKET = "simulated-data"
_FUNCTIONS = ("decide", "notify", "advance_run", "refresh_inference", "reconcile")
_ENVIRONMENT = {
    "LEDGER_TABLE": "ledger",
    "DATA_BUCKET": BUCKET,
    "STATE_MACHINE_ARN": "act",
    "ALERTS_TOPIC_ARN": "alerts",
    "INBOX_QUEUE_URL": "inbox",
    "NOTIFY_QUEUE_URL": "notices",
    "DEAD_LETTERS_URL": "refused",
    "GITLAB_URL": "https://gitlab.example",
    "GITLAB_PROJECT_PATH": "group/project",
    "GITLAB_REF": "main",
    "GITLAB_SECRET_ARN": "secret",
    "FORGOTTEN_AFTER_SECONDS": "600",
    "KEEP_MODELS_DAYS": "30",
}
_QUIET = {"POWERTOOLS_LOG_LEVEL": "CRITICAL", "POWERTOOLS_SERVICE_NAME": "headrace"}
# The longest that reconcile waits before it acts is an hour; a refresh may wait for GitLab.
_PATIENCE = 80 * MINUTE
_SELDOM = 6 * HOUR
# Two more tries of an asynchronous invocation, after a minute and two.
_ASYNC_RETRIES = (60.0, 120.0)


@cache
def function(name: str) -> ModuleType:
    """Return a function's module, as it is deployed."""
    spec = importlib.util.spec_from_file_location(
        f"simulated_{name}", ROOT / "functions" / name / "app.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with mock.patch.dict(os.environ, _QUIET):  # for Powertools, at import
        spec.loader.exec_module(module)
    return module


class SimulatedRuntime(Runtime):
    """The functions' runtime, over the clients and the clock of a world."""

    def __init__(self, clients: dict[str, Any], clock: Clock, gitlab: SimulatedGitLab) -> None:
        super().__init__(_ENVIRONMENT, clients.__getitem__, lambda: clock.now)
        self._gitlab = gitlab

    @property
    def gitlab(self) -> Any:
        """GitLab as it is simulated; its settings and tokens are read as they are deployed."""
        assert super().gitlab is not None
        return self._gitlab


class World:
    """An account: the services, the functions, and what people do to them through `world`."""

    def __init__(
        self,
        seed: int,
        mix: Mix,
        fate: Callable[[Run], Fate],
        ended: Callable[[Run], None] = lambda run: None,
    ) -> None:
        self.clock = Clock(seed)
        self.mix = mix
        self.faults = faults = Faults(self.clock, mix)
        self.dynamodb = SimulatedDynamoDB(faults)
        self.s3 = SimulatedS3(faults)
        self.sns = SimulatedSns(faults)
        self.act = StateMachine(faults, self._task)
        self.inbox = Queue(faults, self._decide, QueueSettings.of("Inbox", "DecideFunction"))
        self.notices = Queue(
            faults, self._notify, QueueSettings.of("NotifyQueue", "NotifyFunction")
        )
        self.events = EventBridge(faults, self.inbox.send, self.notices.send)
        self.sagemaker = SimulatedSageMaker(
            faults, self.events.publish, fate, ended, self.s3.objects_of
        )
        self.registry = Registry(self.sagemaker.packages, self.clock, self.events.publish)
        self.gitlab = SimulatedGitLab(faults)
        self.sagemaker.put = self._put_by_ci
        self.projects: list[Project] = []
        self.reconciles = 0
        self.excused = 0  # mails that may go out twice: their answers were lost
        self.refused: list[str] = []  # events that can never be handled
        self._invocations = 0
        clients = {
            "dynamodb": self.dynamodb,
            "s3": self.s3,
            "sns": self.sns,
            "sagemaker": self.sagemaker,
            "stepfunctions": SimulatedStates(faults, self.act.start),
            "sqs": SimulatedSqs(
                faults,
                {
                    "inbox": self.inbox.send,
                    "notices": self.notices.send,
                    "refused": self.refused.append,
                },
            ),
            "secretsmanager": SimulatedSecrets(),
        }
        self.runtime = SimulatedRuntime(clients, self.clock, self.gitlab)

    @contextmanager
    def running(self) -> Iterator["World"]:
        """Have the functions work with this world's runtime."""
        functions = [function(name) for name in _FUNCTIONS]
        before = [module.runtime for module in functions]
        for module in functions:
            module.runtime = lambda: self.runtime  # type: ignore[attr-defined]
        try:
            yield self
        finally:
            for module, runtime in zip(functions, before, strict=True):
                module.runtime = runtime  # type: ignore[attr-defined]

    @property
    def ledger(self) -> Ledger:
        return self.runtime.ledger

    def add(self, project: Project) -> None:
        """Deploy a project: its settings in the ledger, its pipelines in SageMaker."""
        self.ledger.put_project(project)
        self.projects.append(project)
        self.sagemaker.pipelines |= set(asdict(project.pipelines).values())

    def _put_by_ci(self, pipeline: str) -> tuple[str, float] | None:
        """Return the version that CI put into an inference pipeline, and when."""
        (name,) = (one.name for one in self.projects if one.pipelines.inference == pipeline)
        put_at = [one.ended for one in self.gitlab.pipelines if one.project == name]
        version = self.gitlab.inference.get(name)
        return (version, max(put_at)) if version else None

    # --- the functions, invoked -------------------------------------------------------------------

    def _call(self, name: str, event: dict[str, Any], request_id: str = "") -> Any:
        """Invoke a function; raise TaskFailed if it died or raised what it may raise.

        Lambda retries an invocation under its request id.
        """
        self.clock.note(f"invoke {name}")
        context = SimpleNamespace(
            function_name=name,
            memory_limit_in_mb=512,
            invoked_function_arn=f"arn:aws:lambda:us-east-1:123456789012:function:{name}",
            aws_request_id=request_id or self._new_request(),
            get_remaining_time_in_millis=lambda: 60_000,
        )
        try:
            return self.faults.invocation(name, lambda: function(name).handler(event, context))
        except Killed as error:
            raise TaskFailed("Lambda.Unknown", str(error)) from None
        except HeadraceError as error:
            raise TaskFailed(type(error).__name__, str(error)) from error

    def _new_request(self) -> str:
        self._invocations += 1
        return f"request-{self._invocations}"

    def _batch(self, name: str, records: list[dict[str, str]]) -> list[str] | None:
        try:
            answer = self._call(name, {"Records": records})
        except TaskFailed:
            return None
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def _decide(self, records: list[dict[str, str]]) -> list[str] | None:
        return self._batch("decide", records)

    def _notify(self, records: list[dict[str, str]]) -> list[str] | None:
        before = len(self.sns.published)
        failed = self._batch("notify", records)
        # A message that fails after its mail went out may be told again: one mail of each.
        may_repeat = 1 if failed is None else len(failed)
        self.excused += min(len(self.sns.published) - before, may_repeat)
        return failed

    def redrive(self) -> None:
        """Send all dead letters on again, as people do."""
        self.inbox.redrive()
        self.notices.redrive()

    def reconcile(self, inventory: bool, tried: int = 0, request_id: str = "") -> None:
        """Reconcile; Lambda retries a failure, and the next tick is another attempt."""
        self.reconciles += 1
        request_id = request_id or self._new_request()
        try:
            self._call("reconcile", {"inventory": inventory}, request_id)
        except TaskFailed:
            if tried < len(_ASYNC_RETRIES):
                wait, again = _ASYNC_RETRIES[tried], (inventory, tried + 1, request_id)
                self.clock.after(wait, self.reconcile, *again)

    def _task(self, resource: str, arguments: dict[str, Any]) -> Any:
        match resource:
            case "arn:Partition:states:::lambda:invoke":
                names = {
                    "AdvanceRunFunction": "advance_run",
                    "RefreshInferenceFunction": "refresh_inference",
                }
                return {
                    "Payload": self._call(names[arguments["FunctionName"]], arguments["Payload"])
                }
            case "arn:Partition:states:::sqs:sendMessage":
                body = json.dumps(arguments["MessageBody"])
                return self._integration("send", lambda: self.inbox.send(body))
            case "arn:Partition:states:::sns:publish":
                return self._integration("sns", lambda: self.sns.publish(**arguments))
            case "arn:Partition:states:::aws-sdk:sagemaker:updateModelPackage":
                return self._integration("update", lambda: self._return_to_pending(**arguments))
            case _:
                raise AssertionError(f"a task that was never simulated: {resource}")

    def _return_to_pending(
        self, ModelPackageArn: str, ModelApprovalStatus: str, ApprovalDescription: str
    ) -> None:
        if self.faults.within(self.mix.throttled) or self.faults.within(self.mix.deaf):
            raise self.faults.throttling("sagemaker", "UpdateModelPackage")
        assert len(ApprovalDescription) <= 1024
        self.registry.change(ModelPackageArn, ModelApprovalStatus, by="headrace")

    def _integration(self, label: str, apply: Callable[[], Any]) -> Any:
        """Take an effect that Step Functions itself takes: it does not die, answers may be lost."""
        roll = self.clock.random.random()
        try:
            answer = apply()
        except (ClientError, BotoCoreError) as error:
            raise TaskFailed(f"{label}.{type(error).__name__}", str(error)) from error
        if roll < self.mix.unanswered and not self.faults.settled:
            self.faults.count(f"{label} of act unanswered")
            self.excused += label == "sns"
            raise TaskFailed(f"{label}.Unanswered", "no answer came")
        return answer or {}

    # --- the passing of time ----------------------------------------------------------------------

    def schedule(self, until: float) -> None:
        """Reconcile every so many minutes until a time, and take the inventory now and then.

        Where nothing changed for longer than Headrace waits for anything it looks at seldom.
        """
        every = self.mix.reconcile_minutes * MINUTE
        changed, looked, inventory_at = (0, 0, 0, 0), self.clock.now, self.clock.now
        changed_at = self.clock.now

        def tick() -> None:
            nonlocal changed, changed_at, looked, inventory_at
            now, state = self.clock.now, self._state()
            if state != changed:
                changed, changed_at = state, now
            if now - changed_at < _PATIENCE or now - looked >= _SELDOM:
                inventory = now - inventory_at >= self.mix.inventory_hours * HOUR
                looked, inventory_at = now, now if inventory else inventory_at
                self.reconcile(inventory)
            if now + every <= until:
                self.clock.after(every, tick)

        self.clock.after(every, tick)

    def _state(self) -> tuple[int, int, int, int]:
        """Return numbers that change whenever there may be something to reconcile."""
        ended = sum(1 for run in self.sagemaker.runs.values() if run.ended)
        return self.dynamodb.writes, ended, len(self.registry.history), self.events.lost
