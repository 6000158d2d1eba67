"""The laptop cloud's server, one rule of which can be switched off while it runs.

Started by `test_leniencies.py` only: `python -m tests.conformance.lenient_server SWITCH SETTINGS`.
The file SWITCH names the rule that is off; at the start this module writes the names of all rules
into it, one a line.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from local_cloud.ministack import seams

MODULES = ("objects", "refusals", "state_machines")  # whose seams are answers of AWS's
Rules = list[str]


def main() -> None:
    switch = Path(sys.argv.pop(1))
    switch.write_text("")
    rules: Rules = []

    def switchable(name: str, strict: Callable[..., Any], lenient: Callable[..., Any]) -> Any:
        rules.append(name)

        @functools.wraps(strict)
        def either(*arguments: Any, **named: Any) -> Any:
            off = switch.read_text() == name
            return (lenient if off else strict)(*arguments, **named)

        return either

    _seams(switchable)
    from local_cloud import server

    install = server.install

    def installed(settings: Any) -> Callable[[], None]:
        _checks(switchable)
        _sagemaker(switchable)
        before_saving = install(settings)
        switch.with_suffix(".rules").write_text("\n".join(dict.fromkeys(rules)))
        return before_saving

    server.install = installed
    server.main()


def _seams(switchable: Callable[..., Any]) -> None:
    """Make what MiniStack does without a seam one of the answers."""
    put = seams.replace

    def replaced(owner: Any, name: str, parameters: str, replacement: Any) -> Callable[..., Any]:
        original = getattr(owner, name)
        module = replacement.__module__.rpartition(".")[2]
        if module in MODULES:
            replacement = switchable(f"{module} {name}", replacement, original)
        return put(owner, name, parameters, replacement)

    seams.replace = replaced


def _checks(switchable: Callable[..., Any]) -> None:
    """Switch off the checks of what has no seam of its own."""
    from local_cloud.ministack import item_access, managed_policies, queue_policies

    for module, name, lenient in (
        (queue_policies, "check", None),
        (managed_policies, "missing", None),
        (item_access, "items_of", {}),
    ):
        strict = getattr(module, name)
        label = f"{module.__name__.rpartition('.')[2]} {name}"
        setattr(module, name, switchable(label, strict, lambda *_, answer=lenient: answer))


def _sagemaker(switchable: Callable[..., Any]) -> None:
    """Switch off rules of definitions, tokens, and that executions go with their pipeline."""
    from local_cloud.sagemaker.core import tokens
    from local_cloud.sagemaker.core.operations import OPERATIONS
    from local_cloud.sagemaker.definition import rules
    from local_cloud.sagemaker.resources import pipelines

    strict: tuple[rules.Rule, ...] = rules.RULES
    lenient = tuple(
        replace(rule, check=switchable(f"rules {rule.check.__name__}", rule.check, lambda _: None))
        for rule in strict
    )
    setattr(rules, "RULES", lenient)  # noqa: B010 - a tuple of any length
    tokens.recalled = switchable("tokens recalled", tokens.recalled, lambda *_: None)

    def keep_executions(call: Any, request: Any) -> Any:
        executions = call.table("executions")
        kept = dict(executions.items())
        answer = pipelines.delete(call, request)
        for key, row in kept.items():
            executions[key] = row
        return answer

    OPERATIONS["DeletePipeline"] = switchable("pipelines delete", pipelines.delete, keep_executions)


if __name__ == "__main__":
    main()
