"""Further accounts of the laptop cloud: they score with what the first one's registry holds.

MiniStack separates accounts by the signer of a request, and uses an account's number as the access
key of its root.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local_cloud.deploy import users


def member(first: Mapping[str, Any], number: str, root_secret: str) -> dict[str, Any]:
    """The entry of an account in `cloud.json`, before anything is deployed there."""
    root = users.EndpointSession(first["endpoint_url"], number, root_secret)
    key_id, secret = users.ensure_user(root, "admin", users.EVERYTHING)
    return {
        **{name: value for name, value in first.items() if name != "accounts"},
        "account_id": number,
        "access_key_id": key_id,
        "secret_access_key": secret,
        "outputs": {},
    }


def shared_with(accounts: Mapping[str, str]) -> dict[str, str]:
    """Parameters of the stack whose registry these accounts score with."""
    return {"ReaderAccountIds": ",".join(accounts.values())} if accounts else {}


def scoring_with(registry: Mapping[str, Any]) -> dict[str, str]:
    """Parameters of a stack that scores with the registry of another account."""
    return {
        "RegistryAccountId": registry["account_id"],
        "RegistryBucketName": registry["outputs"]["DataBucketName"],
    }
