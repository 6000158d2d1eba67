"""The settings of the server process, which its starter passes as one JSON argument."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REGION = "us-east-1"
ACCOUNT_ID = "000000000000"
HOST = "127.0.0.1"
# All that the server inherits, so that secrets in the starter's shell stay there.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "USER", "SSL_CERT_FILE")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the server listens, keeps its state and finds its interpreters."""

    port: int
    state_dir: Path
    work_dir: Path
    smtp_port: int
    functions_python: Path  # of an environment that holds awslambdaric
    jobs_python: Path  # of an environment that holds what SageMaker's containers hold
    root_access_key_id: str
    root_secret_access_key: str
    permissions: Path  # where the used permissions of roles are recorded
    chaos_home: Path | None = None  # the home whose chaos.json configures faults
    recorded_calls: int = 0  # how many of the latest API calls CloudTrail keeps

    @property
    def endpoint_url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> Settings:
        values: dict[str, Any] = json.loads(text)
        paths = ("state_dir", "work_dir", "functions_python", "jobs_python", "permissions")
        for name in paths:
            values[name] = Path(values[name])
        if values["chaos_home"] is not None:
            values["chaos_home"] = Path(values["chaos_home"])
        return cls(**values)

    def environment(self) -> dict[str, str]:
        """The server's environment: MiniStack reads its options there, boto3 its endpoint."""
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        return {
            **inherited,
            "PYTHONUNBUFFERED": "1",
            "AUTH": "true",
            "BIND_HOST": HOST,
            "MINISTACK_HOST": HOST,
            "MINISTACK_REGION": REGION,
            "MINISTACK_ACCOUNT_ID": ACCOUNT_ID,
            "GATEWAY_PORT": str(self.port),
            "PERSIST_STATE": "1",
            "STATE_DIR": str(self.state_dir / "services"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(self.state_dir / "s3"),
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": "INFO",
            "CLOUDTRAIL_RECORDING": str(int(self.recorded_calls > 0)),
            "CLOUDTRAIL_MAX_EVENTS": str(self.recorded_calls),
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": self.root_access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.root_secret_access_key,
            # Not the user's own AWS configuration.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
