"""A bucket and a ledger where files are scored and ground truth arrives, by a clock of its own."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from headrace.adapters import client as aws
from headrace.adapters.ledger import Ledger
from headrace.adapters.sagemaker import Execution
from headrace.domain.errors import RetryableError
from headrace.domain.events import RunStatusChanged
from headrace.rules.decide import decide
from headrace.use_cases.advance_run import Advanced, advance
from headrace.use_cases.decide import Inbox

from tests.headrace import handed_in
from tests.headrace.samples import INFERENCE, NOW, TRUTH_CHECKS, payload

SCORING, TRUTH = "abalone/batch-scoring/data/raw/", "abalone/batch-scoring/data/ground-truth/"
ARN = "arn:aws:sagemaker:eu-west-1:123456789012:pipeline/{}/execution/{}"


@dataclass
class Place:
    """A bucket with versions, a ledger, and SageMaker as the test says it is."""

    bucket: str
    inbox: Inbox
    starts: list[dict[str, Any]] = field(default_factory=list)
    arns: list[str] = field(default_factory=list)
    runs: dict[str, Execution] = field(default_factory=dict)  # by request
    clock: float = NOW
    broken: bool = False

    @property
    def ledger(self) -> Ledger:
        return self.inbox.ledger

    def put(self, key: str) -> dict[str, Any]:
        """Upload a file; return the queue message of its event."""
        answer = aws.client("s3").put_object(Bucket=self.bucket, Key=key, Body=b"1\n")
        envelope = payload("object_created")
        envelope["time"] = datetime.fromtimestamp(self.clock, UTC).isoformat()
        envelope["detail"]["bucket"]["name"] = self.bucket
        envelope["detail"]["object"] |= {"key": key, "version-id": answer["VersionId"]}
        return {"messageId": f"{key} {answer['VersionId']}", "body": json.dumps(envelope)}

    def drop(self, folder: str, *names: str) -> None:
        assert self.inbox.handle([self.put(folder + name) for name in names]) == []

    def advance(self, pipeline: str) -> Advanced:
        """Advance the waiting request, an hour later."""
        request = self.ledger.lane(pipeline).waiting
        assert request is not None
        self.clock += 3600
        return advance(handed_in.adapters(self.inbox), pipeline, request.id, self.clock)

    def scored(self, *names: str, status: str = "Succeeded") -> str:
        """Have files scored by a run; return its id."""
        self.drop(SCORING, *names)
        reason = self.advance(INFERENCE).reason
        assert reason is not None
        assert reason.startswith("runs as")
        return self.ends(INFERENCE, status, names)

    def ends(self, pipeline: str, status: str, names: tuple[str, ...] = ()) -> str:
        """End the run in progress, which has made predictions; return its id."""
        run = self.ledger.lane(pipeline).current
        assert run is not None
        arn, request_id = run.execution_arn, run.request_id
        assert arn is not None
        assert request_id is not None
        for name in names:
            key = f"abalone/runs/{arn.rsplit('/', 1)[-1]}/predictions/{name}"
            aws.client("s3").put_object(Bucket=self.bucket, Key=key, Body=b"x,1\n")
        self.runs[request_id] = Execution(arn, status, request_id, NOW)
        project = self.ledger.project_of("name", "abalone")
        assert project is not None
        before, event = self.ledger.lane(pipeline), RunStatusChanged(pipeline, arn, status, "", NOW)
        decision = decide(project, before, event, self.clock)
        self.ledger.commit(project, before, decision, [event.business_key], self.clock)
        return arn.rsplit("/", 1)[-1]

    def start(self, request: dict[str, Any]) -> str:
        name, pipeline = request["PipelineExecutionDisplayName"], request["PipelineName"]
        self.starts.append(request)
        if self.broken:
            raise RetryableError("no answer came")
        arn = ARN.format(pipeline, f"run{len(self.starts)}")
        self.arns.append(arn)
        self.runs[name] = Execution(arn, "Executing", name, NOW)
        return arn

    def checked(self) -> list[tuple[str, str]]:
        """Return (predictions, ground truth) of the last check, as SageMaker reads them."""
        start = self.starts[-1]
        assert start["PipelineName"] == TRUTH_CHECKS
        given = {one["Name"]: one["Value"] for one in start["PipelineParameters"]}
        (before, *files), (folder, *truths) = map(
            self.inbox.bucket.read_json, (given["Predictions"], given["GroundTruth"])
        )
        assert before == {"prefix": f"s3://{self.bucket}/abalone/runs/"}
        assert folder == {"prefix": f"s3://{self.bucket}/{TRUTH}"}
        return list(zip(files, truths, strict=True))

    def why_not(self) -> list[str]:
        """Return the reasons in the audit for ground truth that was not checked."""
        lines = [line for entry in self.ledger.audit("abalone") for line in entry["decided"]]
        return [line["reason"] for line in lines if line["outcome"] == "not-checked"]
