"""The layer describes the operations in use, no others, and leads to the same endpoints."""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from benchmarks.artefacts import ROOT, Artefacts
from tests.template.code_calls import all_operations, operation_names

LISTED: dict[str, list[str]] = json.loads((ROOT / "layers/headrace/operations.json").read_text())
REGIONS = ("us-east-1", "eu-central-1", "ap-southeast-2", "us-gov-west-1", "cn-north-1")
ENDPOINTS = """
import json, sys
import botocore.session
session, found = botocore.session.get_session(), {}
for service in sys.argv[1].split(","):
    for region in sys.argv[2].split(","):
        client = session.create_client(
            service, region, aws_access_key_id="a", aws_secret_access_key="b"
        )
        meta = client.meta
        found[f"{service} {region}"] = [meta.endpoint_url, meta.service_model.service_id]
print(json.dumps(found))
"""


def endpoints(python: Path, path: str) -> dict[str, list[str]]:
    """Where the clients of all services lead, by the botocore on a path."""
    done = subprocess.run(
        [str(python), "-s", "-c", ENDPOINTS, ",".join(LISTED), ",".join(REGIONS)],
        env={"PYTHONPATH": path, "AWS_EC2_METADATA_DISABLED": "true"},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_the_list_of_operations_is_what_the_code_calls() -> None:
    called = defaultdict(set)
    for service, operation in all_operations():
        called[service].add(operation_names(service)[operation])

    assert {service: set(names) for service, names in LISTED.items()} == called


def test_the_layer_describes_the_listed_operations(artefacts: Artefacts) -> None:
    data = artefacts.layer / "python/botocore/data"
    described = {
        path.parents[1].name: set(json.loads(path.read_text())["operations"])
        for path in data.glob("*/*/service-2.json")
    }

    assert described == {service: set(names) for service, names in LISTED.items()}


def test_trimmed_clients_call_the_same_endpoints(artefacts: Artefacts) -> None:
    trimmed = endpoints(artefacts.python, str(artefacts.layer / "python"))
    whole = endpoints(Path(sys.executable), "")

    assert trimmed == whole
    assert len(trimmed) == len(LISTED) * len(REGIONS)


def test_the_layer_trusts_the_authorities_of_aws(artefacts: Artefacts) -> None:
    bundle = (artefacts.layer / "python/botocore/cacert.pem").read_text()

    for number in (1, 2, 3, 4):
        assert f"CN=Amazon Root CA {number} O=Amazon" in bundle
    assert "CN=Starfield Services Root Certificate Authority - G2" in bundle
    assert bundle.count("BEGIN CERTIFICATE") == bundle.count("END CERTIFICATE") < 30
