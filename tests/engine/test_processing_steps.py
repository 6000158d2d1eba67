"""Processing steps: real scripts, each in its own /opt/ml, real S3, IAM enforced."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from local_cloud.sagemaker.engine.engine import Engine
from tests.engine.engine_cloud import Cloud, RecordingHost, allow, execution, jobs_left, run
from tests.engine.processing_step import output_of, processing

COPY = """
import pathlib, sys
print("arguments", sys.argv[1:])
target = pathlib.Path("/opt/ml/processing/output/out")
for path in sorted(pathlib.Path("/opt/ml/processing/input/data").rglob("*")):
    if path.is_file():
        copy = target / path.relative_to("/opt/ml/processing/input/data")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes().upper())
"""


@pytest.fixture
def role(cloud: Cloud) -> str:
    return cloud.role("jobs")


def test_a_script_reads_its_inputs_and_its_outputs_feed_the_next_step(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str, tmp_path: Path
) -> None:
    cloud.put("in/a b+ü.csv", "one")
    cloud.put("in/deep/c.csv", "two")
    joined = {
        "Std:Join": {
            "On": "/",
            "Values": [cloud.uri("runs"), {"Get": "Execution.PipelineExecutionId"}, "first"],
        }
    }
    first = processing(
        cloud, "First", COPY, role=role, inputs={"data": cloud.uri("in")}, outputs={"out": joined}
    )
    second = processing(
        cloud,
        "Second",
        COPY,
        role=role,
        inputs={"data": output_of("First", "out")},
        outputs={"out": cloud.uri("second")},
    )
    made = execution(cloud, [second, first], role=role)

    assert run(engine, host, made) == ("Succeeded", None)
    assert cloud.keys("runs") == [
        "runs/exec00000001/first/a b+ü.csv",
        "runs/exec00000001/first/deep/c.csv",
    ]
    assert cloud.get("second/deep/c.csv") == "TWO"
    assert host.statuses("First") == ["Starting", "Executing", "Succeeded"]
    job = host.job("ProcessingJob", "First")
    assert job["ProcessingJobName"].startswith("pipelines-exec00000001-First-")
    assert job["ProcessingJobStatus"] == "Completed"
    assert host.step("First")["Metadata"] == {"ProcessingJob": {"Arn": job["ProcessingJobArn"]}}
    assert "arguments ['--x', '1']" in host.log_text("ProcessingJobs")
    assert [status for status, _ in host.executions[made.arn]] == ["Executing", "Succeeded"]
    assert jobs_left(tmp_path / "work") == []


def test_a_crash_fails_the_run_with_the_scripts_message_and_its_log(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    script = """
open("/opt/ml/output/message", "w").write('{"metric": "mse"}' + "x" * 2000)
raise SystemError("row 7, column 2")
"""
    step = processing(cloud, "Crash", script, role=role)
    after = processing(cloud, "After", "", role=role, DependsOn=["Crash"])

    status, reason = run(engine, host, execution(cloud, [step, after], role=role))

    assert (status, reason) == ("Failed", "Step failure: One or multiple steps failed.")
    job = host.job("ProcessingJob")
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["ExitMessage"].startswith('{"metric": "mse"}')
    assert len(job["ExitMessage"]) == 1024
    assert host.step("Crash")["FailureReason"] == (
        "ClientError: AlgorithmError: See job logs for more information, exit code: 1"
    )
    assert "SystemError: row 7, column 2" in host.log_text("ProcessingJobs")
    assert host.statuses("After") == []


def test_only_continuous_outputs_of_a_failed_job_are_kept(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    script = """
for name in ("kept", "lost"):
    open(f"/opt/ml/processing/output/{name}/report.json", "w").write("{}")
raise SystemExit(1)
"""
    outputs = {"kept": cloud.uri("kept"), "lost": cloud.uri("lost")}
    step = processing(cloud, "Miss", script, role=role, outputs=outputs, continuous=("kept",))

    assert run(engine, host, execution(cloud, [step], role=role))[0] == "Failed"
    assert cloud.keys("kept") == ["kept/report.json"]
    assert cloud.keys("lost") == []


def test_two_jobs_side_by_side_do_not_see_each_other(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str, tmp_path: Path
) -> None:
    script = """
import os, pathlib, sys, time
mine, met = pathlib.Path("/opt/ml/processing/mine"), pathlib.Path(sys.argv[3])
mine.mkdir()
(mine / sys.argv[2]).write_text("")
(met / sys.argv[2]).write_text("")
deadline = time.time() + 20
while len(os.listdir(met)) < 2 and time.time() < deadline:
    time.sleep(0.05)
print("SEES", sys.argv[2], sorted(p.name for p in mine.iterdir()), os.listdir(sys.argv[1]))
"""
    where, met = tmp_path / "work" / "jobs", tmp_path / "met"
    met.mkdir()
    steps = [
        processing(cloud, name, script, role=role, container_arguments=[str(where), name, str(met)])
        for name in ("A", "B")
    ]

    assert run(engine, host, execution(cloud, steps, role=role))[0] == "Succeeded"
    assert sorted(path.name for path in met.iterdir()) == ["A", "B"]
    log = host.log_text("ProcessingJobs")
    assert "SEES A ['A'] []" in log
    assert "SEES B ['B'] []" in log
    assert list(Path("/opt/ml").iterdir()) == []


def test_a_job_has_a_containers_environment_and_nothing_of_ours(
    engine: Engine,
    host: RecordingHost,
    cloud: Cloud,
    role: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_HOST", "leak")
    script = """
import json, os, sys
print(json.dumps(dict(os.environ)))
print(sys.prefix)
print(open("/opt/ml/config/resourceconfig.json").read())
print(json.load(open("/opt/ml/config/processingjobconfig.json"))["ProcessingJobArn"])
"""
    step = processing(cloud, "Look", script, role=role, arguments={"Environment": {"MINE": "yes"}})

    assert run(engine, host, execution(cloud, [step], role=role))[0] == "Succeeded"
    lines = host.logged["/aws/sagemaker/ProcessingJobs"]
    environment = json.loads(lines[0])
    assert environment["MINE"] == "yes"
    assert environment["AWS_REGION"] == "us-east-1"
    assert environment["AWS_ENDPOINT_URL"] == cloud.endpoint
    assert environment["AWS_SESSION_TOKEN"]
    assert "SECRET_OF_THE_HOST" not in environment
    assert lines[1].endswith("/jobs")
    assert json.loads(lines[2])["hosts"] == ["algo-1"]
    assert lines[3] == host.job("ProcessingJob")["ProcessingJobArn"]


def test_network_isolation_leaves_no_network_and_no_credentials(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    script = f"""
import os, urllib.request
print("CREDENTIALS", [k for k in os.environ if "KEY" in k or "ENDPOINT" in k])
try:
    urllib.request.urlopen("{cloud.endpoint}/_ministack/health", timeout=2)
except OSError as error:
    print("NO NETWORK", error)
"""
    step = processing(
        cloud,
        "Alone",
        script,
        role=role,
        arguments={"NetworkConfig": {"EnableNetworkIsolation": True}},
    )

    assert run(engine, host, execution(cloud, [step], role=role))[0] == "Succeeded"
    assert "NO NETWORK" in host.log_text("ProcessingJobs")
    assert "CREDENTIALS []" in host.log_text("ProcessingJobs")


def test_a_job_may_do_only_what_its_role_may(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    cloud.put("in/a.csv", "x")
    reader = cloud.role("reader", allow(["s3:GetObject", "s3:ListBucket"], "*"))
    step = processing(
        cloud,
        "ReadOnly",
        COPY,
        role=reader,
        inputs={"data": cloud.uri("in/")},
        outputs={"out": cloud.uri("out")},
    )

    assert run(engine, host, execution(cloud, [step], role=role))[0] == "Failed"
    assert "Data upload failed" in host.step("ReadOnly")["FailureReason"]
    assert cloud.keys("out") == []


def test_stopping_ends_the_process_and_starts_nothing_more(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    script = "import time; print('BEGUN'); time.sleep(60)"
    step = processing(cloud, "Sleep", script, role=role)
    after = processing(cloud, "After", "", role=role, DependsOn=["Sleep"])
    made = execution(cloud, [step, after], role=role)

    engine.start(made)
    host.wait_for("a line", lambda: "BEGUN" in host.logged["/aws/sagemaker/ProcessingJobs"])
    engine.stop(made.arn)

    assert host.wait_end(made.arn) == ("Stopped", None)
    assert host.statuses("Sleep") == ["Starting", "Executing", "Stopping", "Stopped"]
    assert host.authorized[-1] == (made.role_arn, "StopProcessingJob")
    assert host.job("ProcessingJob")["ProcessingJobStatus"] == "Stopped"
    assert host.statuses("After") == []
    assert [s for s, _ in host.executions[made.arn]] == ["Executing", "Stopping", "Stopped"]


def test_a_job_is_created_in_the_name_of_the_executions_role_if_that_may(
    engine: Engine, host: RecordingHost, cloud: Cloud, role: str
) -> None:
    step = processing(cloud, "Speak", "print('hello')", role=cloud.role("of-the-job"))

    assert run(engine, host, execution(cloud, [step], role=role)) == ("Succeeded", None)
    asked = [(role, f"{verb}ProcessingJob") for verb in ("Create", "Describe")]
    assert host.authorized == asked

    host.refused = {"CreateProcessingJob"}
    jobs = len(host.jobs)
    status, _ = run(engine, host, execution(cloud, [step], role=role, number=2))
    assert (status, len(host.jobs)) == ("Failed", jobs)
    assert "may not CreateProcessingJob" in host.step("Speak")["FailureReason"]
