"""A laptop cloud for a benchmark: the deployed stack, pipelines that do nothing, and its records.

API calls are those in the cloud's CloudTrail, including the benchmark's own.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headrace.adapters.ledger import Ledger
from headrace.domain.project import Project

from benchmarks.listening import listen, patterns_to
from local_cloud.cloud import Cloud

RECORDED = 200_000
BY_STATE_MACHINE = ("Invoke", "SendMessage", "UpdateModelPackage")
FUNCTIONS = ("decide", "advance-run", "notify")
# A run of it ends at once: what is measured is what is around it.
NOTHING = {
    "Version": "2020-12-01",
    "Parameters": [
        {"Name": "InputData", "Type": "String", "DefaultValue": "s3://none/"},
        {"Name": "InputDataType", "Type": "String", "DefaultValue": "S3Prefix"},
    ],
    "Steps": [
        {
            "Name": "Nothing",
            "Type": "Condition",
            "Arguments": {
                "Conditions": [{"Type": "Equals", "LeftValue": 1, "RightValue": 1}],
                "IfSteps": [],
                "ElseSteps": [],
            },
        }
    ],
}


@dataclass(frozen=True, slots=True)
class Call:
    """An API call as CloudTrail has it, at a time in seconds since 1970.

    `is_ours` is set for calls of the functions and the state machine, not for an observer's.
    """

    time: float
    service: str
    operation: str
    request: dict[str, Any]
    is_ours: bool


@dataclass(frozen=True, slots=True)
class Record:
    """What the control plane did in a period: its calls, invocations and executions.

    `notices` counts the status changes that its rules let through to `notify`.
    """

    calls: tuple[Call, ...]
    notices: int
    invocations: dict[str, int]
    executions: tuple[str, ...]
    transitions: int


@dataclass(frozen=True, slots=True)
class Site:
    """The cloud while it runs."""

    info: dict[str, Any]
    session: Any

    def client(self, service: str) -> Any:
        """A client of the cloud's administrator."""
        return self.session.client(service)

    def output(self, name: str) -> str:
        """An output of the stack."""
        return str(self.info["outputs"][name])

    @property
    def ledger(self) -> Ledger:
        """The ledger, as functions write it."""
        return Ledger(self.output("LedgerTableName"), self.client("dynamodb"))

    def add_project(self, name: str) -> Project:
        """Make a project whose pipelines do nothing."""
        project = Project.parse(
            {
                "project": name,
                "drops": {"quiet_period": 2},
                "quality": {"metric": "mse", "threshold": 10.0},
            },
            "the benchmark",
        )
        sagemaker = self.client("sagemaker")
        sagemaker.create_pipeline(
            PipelineName=project.pipelines.training,
            PipelineDefinition=json.dumps(NOTHING),
            RoleArn=self.output("PipelineRoleArn"),
            ClientRequestToken=f"{name:-<40}",
        )
        self.ledger.put_project(project)
        return project

    def invocations(self, function: str) -> int:
        """How often a function of the stack was invoked so far, as its log has it."""
        logs = self.client("logs")
        name = f"{self.info['stack_name']}-{function}"
        group = self.client("lambda").get_function_configuration(FunctionName=name)
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group["LoggingConfig"]["LogGroup"], filterPattern="REPORT"
        )
        lines = [event["message"] for page in pages for event in page["events"]]
        return sum(line.startswith("REPORT RequestId") for line in lines)

    def environment(self) -> dict[str, str]:
        """What points a command line at this cloud."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "AWS_ENDPOINT_URL": self.info["endpoint_url"],
            "AWS_DEFAULT_REGION": self.info["region"],
            "AWS_ACCESS_KEY_ID": self.info["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": self.info["secret_access_key"],
        }

    def executions(self) -> list[str]:
        """The ARNs of all executions of the state machine."""
        pages = self.client("stepfunctions").get_paginator("list_executions")
        machine = self.output("StateMachineArn")
        found = pages.paginate(stateMachineArn=machine)
        return [one["executionArn"] for page in found for one in page["executions"]]

    def transitions(self, execution: str) -> int:
        """How many states an execution entered, which is what is paid for."""
        pages = self.client("stepfunctions").get_paginator("get_execution_history")
        found = pages.paginate(executionArn=execution, includeExecutionData=False)
        events = [event["type"] for page in found for event in page["events"]]
        return sum(kind.endswith("StateEntered") for kind in events)

    def runs(self, pipeline: str) -> list[dict[str, Any]]:
        """A pipeline's executions."""
        pages = self.client("sagemaker").get_paginator("list_pipeline_executions")
        found = pages.paginate(PipelineName=pipeline)
        return [run for page in found for run in page["PipelineExecutionSummaries"]]

    def is_idle(self) -> bool:
        """Whether no event waits in a queue and no execution is under way."""
        sqs = self.client("sqs")
        waiting = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"
        for url in (self.output("InboxQueueUrl"), self.output("NotifyQueueUrl")):
            queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            if any(int(queue[name]) for name in waiting):
                return False
        running = self.client("stepfunctions").list_executions(
            stateMachineArn=self.output("StateMachineArn"), statusFilter="RUNNING"
        )
        return not running["executions"]

    def calls(self, since: float) -> list[Call]:
        """The API calls from a time on, the oldest first."""
        cloudtrail, end, found = self.client("cloudtrail"), time.time(), dict[str, Call]()

        def exactly(params: dict[str, Any], **_: Any) -> None:
            """Ask for parts of a second: botocore sends whole ones, and pages are of 50 calls."""
            request = json.loads(params["body"]) | {"StartTime": since, "EndTime": end}
            params["body"] = json.dumps(request).encode()

        cloudtrail.meta.events.register("before-call.cloudtrail.LookupEvents", exactly)
        while page := cloudtrail.lookup_events()["Events"]:
            new = [event for event in page if event["EventId"] not in found]
            found |= {event["EventId"]: _call(event) for event in new}
            oldest = min(event["EventTime"].timestamp() for event in page)
            end = oldest if new else oldest - 1e-6
        return sorted(found.values(), key=lambda call: call.time)

    @contextmanager
    def recording(self) -> Iterator[list[Record]]:
        """Record what the control plane does until nothing is left to do."""
        found: list[Record] = []
        before = {name: self.invocations(name) for name in FUNCTIONS}
        notices = self._notices()
        notices_before = notices()
        old, began = set(self.executions()), time.time()
        yield found
        self.settle()
        executions = tuple(one for one in self.executions() if one not in old)
        record = Record(
            tuple(call for call in self.calls(began) if call.is_ours),
            notices() - notices_before,
            {name: self.invocations(name) - before[name] for name in FUNCTIONS},
            executions,
            sum(self.transitions(one) for one in executions),
        )
        found.append(record)

    def _notices(self) -> Callable[[], int]:
        """Return what counts the status changes that the rules let through to `notify`."""
        url = self.output("NotifyQueueUrl")
        arn = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        patterns = patterns_to(self.client, arn["Attributes"]["QueueArn"])
        return listen(self.client, "notices", patterns)

    def settle(self) -> None:
        """Wait until nothing has happened for a while."""
        idle = 0
        while idle < 4:
            idle = idle + 1 if self.is_idle() else 0
            time.sleep(0.5)


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """A cloud of its own, its API calls recorded; without GitLab."""
    parameters = {"GitLabProjectPath": "nobody/nothing"}
    home = folder / "home"
    with Cloud(home, gitlab=False, parameters=parameters, recorded_calls=RECORDED) as cloud:
        yield Site(cloud.info, cloud.session())


def _call(event: dict[str, Any]) -> Call:
    trail = json.loads(event["CloudTrailEvent"])
    request = trail["requestParameters"] or {}
    service = event["EventSource"].split(".")[0]
    # In the query protocol the operation is a parameter.
    operation = request.get("Action", event["EventName"])
    by_function = "exec-env/AWS_Lambda" in trail["userAgent"]
    return Call(
        event["EventTime"].timestamp(),
        service,
        operation,
        request,
        by_function or operation in BY_STATE_MACHINE,
    )


def wait(what: str, ask: Callable[[], Any], seconds: float = 300.0) -> Any:
    """Ask until there is an answer."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        if time.monotonic() > deadline:
            raise SystemExit(f"timed out after {seconds:.0f} s waiting for {what}")
        time.sleep(0.2)
    return answer
