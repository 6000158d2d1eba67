"""The expanded template as rules look at it: resources by type, references as plain names.

`{"Ref": "Inbox"}` reads `<Inbox>`, `{"Fn::GetAtt": ["Inbox", "Arn"]}` reads `<Inbox.Arn>`, and
`Fn::Sub` and `Fn::Join` are texts with such names in them. A parameter is its default; what only
some deployments have, by `Fn::If`, is there.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Resources = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Statement:
    """One statement of a policy: whose, of which document, and what it says."""

    resource: str
    document: str  # the property: AssumeRolePolicyDocument, KeyPolicy, PolicyDocument, ...
    sid: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principals: tuple[tuple[str, str], ...]  # (kind, who): ("Service", "events.amazonaws.com")
    condition: dict[str, dict[str, Any]]

    def __str__(self) -> str:
        return f"{self.resource} {self.sid or self.document}"

    @property
    def allows(self) -> bool:
        return self.effect == "Allow"

    def condition_values(self, key: str) -> list[str]:
        """Return the values that any operator compares a condition key with."""
        found = [test[name] for test in self.condition.values() for name in test if name == key]
        return [value for values in found for value in many(values)]


class Stack:
    """A template to ask."""

    def __init__(self, template: dict[str, Any]) -> None:
        self.parameters = template.get("Parameters", {})
        self.types = {name: item["Type"] for name, item in template["Resources"].items()}
        self.properties: Resources = {
            name: self._plain(item.get("Properties", {}))
            for name, item in template["Resources"].items()
        }

    def of(self, kind: str) -> Resources:
        """Return the properties of all resources of a type, by name."""
        return {
            name: properties
            for name, properties in self.properties.items()
            if self.types[name] == f"AWS::{kind}"
        }

    def statements(self) -> Iterator[Statement]:
        """Yield every statement of every policy in the stack."""
        for name, properties in self.properties.items():
            yield from _statements(name, "", properties)

    def granted(self, role: str) -> list[Statement]:
        """Return what a role may do."""
        return [
            statement
            for statement in self.statements()
            if statement.resource == role
            and statement.document == "PolicyDocument"
            and statement.allows
        ]

    def dead_letter_queues(self) -> set[str]:
        """Return the queues that receive what was not handled, from any sender."""
        targets = [target for _, target in self.targets()]
        arns = [target.get("DeadLetterConfig", {}).get("Arn") for target in targets]
        arns += [
            queue.get("RedrivePolicy", {}).get("deadLetterTargetArn")
            for queue in self.of("SQS::Queue").values()
        ]
        arns += [
            config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
            for config in self.of("Lambda::EventInvokeConfig").values()
        ]
        return {named(arn) for arn in arns if arn}

    def targets(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield (rule, target) for each target of each rule."""
        for name, rule in self.of("Events::Rule").items():
            for target in rule.get("Targets", []):
                yield name, target

    def machine(self) -> dict[str, Any]:
        """Return the definition of the one state machine, its substitutions made."""
        [machine] = self.of("StepFunctions::StateMachine").values()
        text = machine["DefinitionString"]
        for name, value in machine.get("DefinitionSubstitutions", {}).items():
            text = text.replace(f"${{{name}}}", value)
        definition: dict[str, Any] = json.loads(text)
        return definition

    def _plain(self, value: Any) -> Any:
        match value:
            case {"Ref": name, **rest} if not rest:
                parameter = self.parameters.get(name)
                return parameter.get("Default", f"<{name}>") if parameter else f"<{name}>"
            case {"Fn::GetAtt": [name, attribute], **rest} if not rest:
                return f"<{name}.{attribute}>"
            case {"Fn::Sub": [text, names], **rest} if not rest:
                given = {key: str(self._plain(item)) for key, item in names.items()}
                return self._substituted(text, given)
            case {"Fn::Sub": text, **rest} if not rest:
                return self._substituted(text, {})
            case {"Fn::If": [_, chosen, {"Ref": "AWS::NoValue"}], **rest} if not rest:
                return self._plain(chosen)
            case {"Fn::If": [_, _, usual], **rest} if not rest:
                return self._plain(usual)
            case {"Fn::Join": [glue, parts], **rest} if not rest:
                return glue.join(str(self._plain(part)) for part in parts)
            case dict():
                return {key: self._plain(item) for key, item in value.items()}
            case list():
                return [self._plain(item) for item in value]
            case _:
                return value

    def _substituted(self, text: str, given: dict[str, str]) -> str:
        def replaced(found: re.Match[str]) -> str:
            name = found[1]
            return given.get(name) or str(self._plain({"Ref": name}))

        return re.sub(r"\$\{([\w:.]+)\}", replaced, text)


def many(value: Any) -> list[Any]:
    """Return a list of what may be one value or a list."""
    return value if isinstance(value, list) else [value]


def named(reference: Any) -> str:
    """Return the resource that `<Inbox.Arn>` or `<Inbox>` names, or "" for any other text."""
    found = re.fullmatch(r"<(\w+)(\.\w+)?>", str(reference))
    return found[1] if found else ""


def _statements(resource: str, document: str, value: Any) -> Iterator[Statement]:
    if isinstance(value, str) and '"Statement"' in value:
        value = json.loads(value)
    if isinstance(value, dict) and "Statement" in value:
        for item in many(value["Statement"]):
            yield _statement(resource, document, item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _statements(resource, key, item)
    elif isinstance(value, list):
        for item in value:
            yield from _statements(resource, document, item)


def _statement(resource: str, document: str, item: dict[str, Any]) -> Statement:
    principal = item.get("Principal", {})
    if isinstance(principal, str):
        principal = {"Any": principal}
    return Statement(
        resource=resource,
        document=document,
        sid=item.get("Sid", ""),
        effect=item["Effect"],
        actions=tuple(many(item.get("Action", []))),
        resources=tuple(str(arn) for arn in many(item.get("Resource", []))),
        principals=tuple(
            (kind, str(who)) for kind, all_ in principal.items() for who in many(all_)
        ),
        condition=item.get("Condition", {}),
    )
