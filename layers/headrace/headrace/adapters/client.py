"""AWS clients, one a service, and what their errors mean to Headrace."""

from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import DEFAULT_CA_BUNDLE

from headrace.domain.errors import HeadraceError, NotThere, PermanentError, RetryableError

# Codes that ask for patience, across the services Headrace calls.
_RETRYABLE = frozenset(
    {
        "ConflictException",
        "InternalFailure",
        "InternalServerError",
        "InternalServiceError",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ResourceLimitExceeded",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)


@cache
def client(service: str) -> Any:
    """Return the client of a service, made at first use and shared by warm invocations.

    It is the client that boto3 would make, from the botocore underneath: boto3 adds a sixth to a
    cold start for its resources and S3 transfers, which nothing here uses. It trusts what botocore
    brings, which the layer trims to Amazon's authorities (20 ms a connection), not certifi's.
    """
    trusted = session().get_config_variable("ca_bundle") or DEFAULT_CA_BUNDLE
    config = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard"})
    return session().create_client(service, config=config, verify=trusted)


class LazyClient:
    """The client of a service, made when its first method is called.

    So an adapter can be handed to whoever may need it, and a cold start pays for what it calls.
    """

    def __init__(self, service: str) -> None:
        self._service = service

    def __getattr__(self, name: str) -> Any:
        return getattr(client(self._service), name)


@cache
def session() -> Any:
    """Return the session of all clients: credentials, region and endpoint are the environment's."""
    return botocore.session.get_session()


def from_aws(error: ClientError | BotoCoreError, doing: str) -> HeadraceError:
    """Return the branch of error that an AWS error belongs to; `doing` says what was tried."""
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if code == "ResourceNotFound":
            return NotThere(f"{doing}: {error}")
        kind = RetryableError if code in _RETRYABLE or status >= 500 else PermanentError
        return kind(f"{doing}: {error}")
    return RetryableError(f"{doing}: {error}")  # no answer came: a connection, a time-out
