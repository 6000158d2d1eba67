"""Requests and answers, and what GitLab says to a request that it cannot read."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request, read."""

    method: str
    path: str  # still percent-encoded: a project's path is one segment
    query: dict[str, str]
    headers: Mapping[str, str]  # names in lower case
    body: bytes = b""

    def json(self) -> dict[str, Any]:
        """The body, a JSON object; ValueError when it is not one."""
        document = json.loads(self.body or b"{}")
        if not isinstance(document, dict):
            raise ValueError("not a JSON object")
        return document


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: `content` is JSON unless it is a string, which is sent as text."""

    status: int
    content: Any
    headers: dict[str, str] = field(default_factory=dict)


class Refusal(Exception):
    """An error answer on its way out."""

    def __init__(self, status: int, content: Any) -> None:
        super().__init__(status)
        self.answer = Answer(status, content)


def read(request: Request) -> dict[str, Any]:
    try:
        return request.json()
    except ValueError:
        raise Refusal(400, {"error": "The request body is not a JSON object"}) from None


def is_map_of_strings(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


def list_of_variables(value: object) -> dict[str, str]:
    """`[{key, value}]` as a map."""
    items = value or []
    if not isinstance(items, list) or not all(
        isinstance(item, dict) and is_map_of_strings(item) and {"key", "value"} <= set(item)
        for item in items
    ):
        raise Refusal(400, {"error": "variables is invalid"})
    return {item["key"]: item["value"] for item in items}


def number(text: str, name: str) -> int:
    if not re.fullmatch(r"\d+", text):
        raise Refusal(400, {"error": f"{name} is invalid"})
    return int(text)
