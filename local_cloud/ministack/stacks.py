"""Corrects MiniStack's CloudFormation where it differs from AWS.

`!Ref` of a secret is its ARN, where MiniStack gives its name; a topic has the encryption key of the
template, which MiniStack drops.
"""

from __future__ import annotations

from typing import Any

from ministack.services import secretsmanager, sns
from ministack.services.cloudformation import provisioners

from local_cloud.ministack import seams

SECRET = "AWS::SecretsManager::Secret"  # noqa: S105 - the name of a resource type


TOPIC = "AWS::SNS::Topic"


def install() -> None:
    """Correct both kinds of resource."""
    _secrets_by_arn(_handlers(SECRET))
    _topics_with_keys(_handlers(TOPIC))


def _handlers(kind: str) -> dict[str, Any]:
    handlers: dict[str, Any] | None = provisioners._RESOURCE_HANDLERS.get(kind)
    if not handlers or not {"create", "update", "delete"} <= set(handlers):
        raise seams.SeamMovedError(f"MiniStack creates no {kind}; was {seams.VERSION}")
    return handlers


def _topics_with_keys(handlers: dict[str, Any]) -> None:
    def create(logical_id: str, properties: Any, stack_name: str) -> Any:
        arn, attributes = original["create"](logical_id, properties, stack_name)
        give_key(arn, properties)
        return arn, attributes

    def update(physical_id: str, old: Any, properties: Any, *more: Any, **named: Any) -> Any:
        arn, attributes = original["update"](physical_id, old, properties, *more, **named)
        give_key(arn, properties)
        return arn, attributes

    def give_key(arn: str, properties: Any) -> None:
        sns._topics[arn]["attributes"]["KmsMasterKeyId"] = properties.get("KmsMasterKeyId", "")

    original = dict(handlers)
    handlers.update(create=create, update=update)


def _secrets_by_arn(handlers: dict[str, Any]) -> None:
    """Make the ARN the secret's physical id; MiniStack's own update and delete take names."""

    def name_of(physical_id: str) -> str:
        for name, secret in secretsmanager._secrets.items():
            if secret["ARN"] == physical_id:
                return str(name)
        return physical_id

    def create(logical_id: str, properties: Any, stack_name: str) -> Any:
        _name, attributes = original["create"](logical_id, properties, stack_name)
        return attributes["Arn"], attributes

    def update(physical_id: str, *more: Any, **named: Any) -> Any:
        _name, attributes = original["update"](name_of(physical_id), *more, **named)
        return attributes["Arn"], attributes

    def delete(physical_id: str, properties: Any) -> None:
        original["delete"](name_of(physical_id), properties)

    original = dict(handlers)
    handlers.update(create=create, update=update, delete=delete)
