"""An account and a GitLab for the doctor's checks; each answers what a test gives it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.validate import validate_parameters

from pipeline_specs.deploy.stack import Stack
from workbench.doctor.target import Target

ACCOUNT, REGION = "111122223333", "eu-west-1"
CALLER = f"arn:aws:iam::{ACCOUNT}:user/deployer"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/headrace-DeliveryRole-1"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:GitLabSecret-1"
GITLAB = "https://gitlab.example.com"
OUTPUTS = {
    "Version": "0.1.0",
    "DataBucketName": "the-bucket",
    "AlertsTopicArn": TOPIC,
    "LedgerTableName": "ledger",
    "DeliveryRoleArn": ROLE,
    "GitLabSecretArn": SECRET,
}
PARAMETERS = {
    "AlertEmail": "platform@example.com",
    "GitLabUrl": GITLAB,
    "GitLabProjectPath": "group/project",
    "GitLabRef": "main",
}
RESOURCES = {
    "AWS::Events::Rule": ("UploadRule", "RunRule"),
    "AWS::CloudWatch::Alarm": ("ActFailedAlarm", "InboxAgeAlarm"),
    "AWS::SQS::Queue": ("InboxDeadLetters", "NotifyDeadLetters", "RuleDeadLetters"),
}
Answer = Any  # a response, an Error, or a function of the request that returns or is one of them


class Error(Exception):
    """An error of AWS: its code and its message."""

    def __init__(self, code: str, message: str = "no") -> None:
        super().__init__(code)
        self.code, self.message = code, message


DENIED = Error("AccessDenied", "User is not authorized")


class Session:
    """A boto3 session whose real clients get their answers from a table, by operation."""

    region_name = REGION

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self.answers = answers

    def client(self, service: str, config: Any = None) -> Any:
        keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
        client = boto3.client(service, region_name=REGION, config=config, **keys)
        asked: dict[str, Any] = {}

        def keep(params: Any, model: Any, **_: Any) -> None:
            asked[model.name] = dict(params)

        def answer(model: Any, **_: Any) -> Any:
            given = self.answers.get(model.name, DENIED)
            try:
                given = given(asked[model.name]) if callable(given) else given
                if isinstance(given, Error):
                    raise given
            except Error as error:
                said = {"Code": error.code, "Message": error.message}
                return _http(400), {"Error": said, "ResponseMetadata": {"HTTPStatusCode": 400}}
            if model.output_shape:
                validate_parameters(given, model.output_shape)
            return _http(200), {**given, "ResponseMetadata": {"HTTPStatusCode": 200}}

        client.meta.events.register("before-parameter-build.*.*", keep)
        client.meta.events.register("before-call.*.*", answer)
        return client


def _http(status: int) -> AWSResponse:
    return AWSResponse("https://aws", status, {}, None)


def stack(
    outputs: Mapping[str, str] = OUTPUTS,
    parameters: Mapping[str, str] = PARAMETERS,
    status: str = "UPDATE_COMPLETE",
) -> dict[str, Answer]:
    """What CloudFormation says of the stack; a resource is called what it is in the template."""
    described = {
        "StackName": "headrace",
        "CreationTime": "2026-11-01T00:00:00Z",
        "StackStatus": status,
        "Outputs": [{"OutputKey": k, "OutputValue": v} for k, v in outputs.items()],
        "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
    }
    listed = [
        {
            "LogicalResourceId": name,
            "PhysicalResourceId": f"https://sqs/{name}" if "Letters" in name else name,
            "ResourceType": kind,
            "LastUpdatedTimestamp": 0,
            "ResourceStatus": "CREATE_COMPLETE",
        }
        for kind, names in RESOURCES.items()
        for name in names
    ]
    return {
        "GetCallerIdentity": {"Account": ACCOUNT, "Arn": CALLER, "UserId": "AIDA"},
        "DescribeStacks": {"Stacks": [described]},
        "ListStackResources": {"StackResourceSummaries": listed},
    }


def ledger(*documents: Mapping[str, Any], lane: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What DynamoDB holds: projects, and the lane of an inference pipeline."""
    items = [{"doc": {"S": json.dumps(one)}} for one in documents]
    item = {"Item": {"doc": {"S": json.dumps(lane)}, "version": {"N": "1"}}} if lane else {}
    return {"Query": {"Items": items, "Count": len(items)}, "GetItem": item}


def target(projects: Path | None = None, *, name: str = "headrace", **answers: Answer) -> Target:
    """The account; `answers` are added to what CloudFormation and STS say of it."""
    session = Session({**stack(), **ledger(), **answers})
    where = {"projects": projects} if projects else {}
    return Target(Stack(name, session), **where)  # type: ignore[arg-type]


@contextmanager
def gitlab(answers: Mapping[str, tuple[int, Any]]) -> Iterator[tuple[str, list[str]]]:
    """A GitLab that answers by path; yields its URL and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer(body)

        def _answer(self, body: str = "") -> None:
            path = self.path.removeprefix("/api/v4")
            asked.append(f"{self.command} {path} {body}".strip())
            status, document = answers.get(path, (404, {"message": "404 Not Found"}))
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
