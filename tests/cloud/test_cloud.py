"""The cloud starts, stops, keeps its state and says where it is."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from local_cloud.cloud import Cloud, CloudRunningError
from local_cloud.ministack.process import choose_port
from tests.cloud.cloud_sample import TEMPLATE, Sample, eventually

ROOT = Path(__file__).parents[2]
HEADRACE = Path(sys.prefix) / "bin" / "headrace"
KEYS = (
    "endpoint_url region account_id access_key_id secret_access_key stack_name outputs mail_dir "
    "gitlab_url gitlab_project_id gitlab_api_token console_url accounts"
)


def start(home: Path) -> Cloud:
    return Cloud(
        home, template=TEMPLATE, stack_name="sample", alert_email="a@example.com", gitlab=False
    )


def test_its_address_is_in_one_file_that_only_its_owner_reads(sample: Sample) -> None:
    path = sample.cloud.home / "cloud.json"

    assert set(json.loads(path.read_text())) == set(KEYS.split())
    assert path.stat().st_mode & 0o077 == 0


def test_a_second_one_in_the_same_home_is_refused(sample: Sample) -> None:
    with pytest.raises(CloudRunningError, match=f"process {os.getpid()}"):
        start(sample.cloud.home).start()
    assert sample.client("s3").list_buckets()["Buckets"]  # the first one still runs


def test_a_wrong_key_is_refused(sample: Sample) -> None:
    session = type(sample.session)(sample.cloud.info["endpoint_url"], "AKIANOBODY", "wrong")

    with pytest.raises(ClientError, match="security token"):
        session.client("sqs").list_queues()


def test_its_memory_is_well_under_a_gigabyte(sample: Sample) -> None:
    assert sample.cloud.server is not None
    status = Path(f"/proc/{sample.cloud.server.pid}/status").read_text()
    kilobytes = int(status.split("VmRSS:")[1].split()[0])
    assert kilobytes < 500_000


@pytest.mark.cloud
def test_what_was_stored_is_there_after_a_restart_even_on_another_port(tmp_path: Path) -> None:
    with start(tmp_path) as cloud:
        first, outputs = dict(cloud.info), cloud.info["outputs"]
        session = cloud.session()
        session.client("s3").put_object(Bucket=outputs["Bucket"], Key="k.csv", Body=b"1,2\n")
        session.client("dynamodb").put_item(TableName=outputs["Table"], Item={"k": {"S": "kept"}})
        session.client("sqs").send_message(QueueUrl=outputs["Seen"], MessageBody="kept")
    assert not (tmp_path / "cloud.json").exists()

    port = int(first["endpoint_url"].rsplit(":", 1)[1])
    with socket.create_server(("127.0.0.1", port)), start(tmp_path) as cloud:
        session, outputs = cloud.session(), cloud.info["outputs"]
        assert cloud.info["endpoint_url"] != first["endpoint_url"]
        assert outputs["Bucket"] == first["outputs"]["Bucket"]
        s3 = session.client("s3")
        assert s3.get_object(Bucket=outputs["Bucket"], Key="k.csv")["Body"].read() == b"1,2\n"
        item = session.client("dynamodb").get_item(
            TableName=outputs["Table"], Key={"k": {"S": "kept"}}
        )
        assert item["Item"] == {"k": {"S": "kept"}}
        assert outputs["Seen"].startswith(cloud.info["endpoint_url"])
        sqs = session.client("sqs")

        def bodies() -> list[str]:
            answer = sqs.receive_message(QueueUrl=outputs["Seen"], MaxNumberOfMessages=10)
            return [message["Body"] for message in answer.get("Messages", [])]

        assert "kept" in eventually(bodies)
        sample = Sample(cloud)
        assert sample.invoke(do="environment")["shared"] == 42
        sample.client("sqs").send_message(QueueUrl=outputs["Inbox"], MessageBody="after")
        logs, group = sample.client("logs"), f"/aws/lambda/{outputs['Batch']}"

        def handled() -> bool:
            groups = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
            events = logs.filter_log_events(logGroupName=group)["events"] if groups else []
            return any("after" in event["message"] for event in events)

        eventually(handled)


def test_the_port_of_last_time_is_chosen_again(tmp_path: Path) -> None:
    assert choose_port(tmp_path) == choose_port(tmp_path)


@pytest.mark.cloud
def test_up_runs_in_the_foreground_until_down(tmp_path: Path) -> None:
    command = [HEADRACE]
    up = subprocess.Popen(
        [*command, "up", "--no-pipelines", "--home", str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    started = time.monotonic()
    try:
        eventually(lambda: (tmp_path / "cloud.json").exists() or up.poll() is not None, 60)
        assert up.poll() is None, up.communicate()[0]
        took = time.monotonic() - started
        again = subprocess.run(
            [*command, "up", "--home", str(tmp_path)], cwd=ROOT, capture_output=True, text=True
        )
        down = subprocess.run(
            [*command, "down", "--home", str(tmp_path)], cwd=ROOT, capture_output=True, text=True
        )
        said = up.communicate(timeout=30)[0]
    finally:
        if up.poll() is None:
            up.send_signal(signal.SIGTERM)
            up.communicate(timeout=30)

    assert again.returncode == 1
    assert "a cloud runs in" in again.stderr
    assert (down.returncode, down.stdout) == (0, "stopped\n")
    assert up.returncode == 0
    assert "ready in" in said
    assert not (tmp_path / "cloud.json").exists()
    assert took < 30  # 15 s on an idle machine; `benchmarks/` measures it


def test_down_says_when_nothing_runs(tmp_path: Path) -> None:
    down = subprocess.run(
        [HEADRACE, "down", "--home", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (down.returncode, down.stdout) == (0, f"no cloud runs in {tmp_path}\n")
