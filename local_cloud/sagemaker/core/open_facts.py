"""What AWS does not document: one switch for each such fact, so that both answers can be tried.

The environment variable SAGEMAKER_OPEN_FACTS of the server sets them, as in
`manifest_paths=whole-key,execution_identity=absent`; the default of each is its first value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args, get_type_hints

VARIABLE = "SAGEMAKER_OPEN_FACTS"


@dataclass(frozen=True, slots=True)
class OpenFacts:
    """Each field is an open fact, each value of its type an answer that somebody has reported.

    manifest_paths: where File mode puts an entry of a manifest: relative to the manifest's prefix
        (arnavnair220/edge-ml-flywheel), or under its whole key (aws/sagemaker-python-sdk#723).
    execution_identity: whether DescribePipelineExecution says who started a run. UserContext's
        documentation names other resources for IamIdentity; one answer that somebody published
        has it all the same.
    package_identity: whether DescribeModelPackage says who registered and changed a version.
    """

    manifest_paths: Literal["relative", "whole-key"] = "relative"
    execution_identity: Literal["iam-identity", "empty", "absent"] = "iam-identity"
    package_identity: Literal["iam-identity", "empty", "absent"] = "iam-identity"

    def told(self, row: dict[str, Any], answer: str) -> dict[str, Any]:
        """Return a description with who is behind it as that answer has it."""
        if answer == "iam-identity":
            return row
        users = [name for name in ("CreatedBy", "LastModifiedBy") if name in row]
        rest = {name: value for name, value in row.items() if name not in users}
        return rest if answer == "absent" else rest | {name: {} for name in users}

    @classmethod
    def parse(cls, text: str) -> OpenFacts:
        """Read switches as the environment has them; ValueError names one that is not there."""
        given = dict(part.strip().partition("=")[::2] for part in text.split(",") if part.strip())
        answers = {name: get_args(kind) for name, kind in get_type_hints(cls).items()}
        for name, answer in given.items():
            if answer not in answers.get(name, ()):
                known = "; ".join(f"{one}={'|'.join(answers[one])}" for one in answers)
                raise ValueError(f"{VARIABLE}: {name}={answer} is none of {known}")
        return cls(**given)  # type: ignore[arg-type]  # checked above
