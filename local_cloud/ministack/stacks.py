"""CloudFormation: `!Ref` of a secret is its ARN, as on AWS, where MiniStack gives its name."""

from __future__ import annotations

from typing import Any

from ministack.services import secretsmanager
from ministack.services.cloudformation import provisioners

from local_cloud.ministack import seams

SECRET = "AWS::SecretsManager::Secret"  # noqa: S105 - the name of a resource type


def install() -> None:
    """Let the ARN be the secret's physical id; MiniStack's own update and delete take names."""
    handlers = provisioners._RESOURCE_HANDLERS.get(SECRET)
    if not handlers or not {"create", "update", "delete"} <= set(handlers):
        raise seams.SeamMovedError(f"MiniStack creates no {SECRET}; was {seams.VERSION}")

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
