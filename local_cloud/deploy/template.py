"""Turns a SAM template into plain CloudFormation: artefacts built and named, macros expanded.

As `sam build`, `sam package` and the Serverless transform do.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import yaml
from samtranslator.feature_toggle.feature_toggle import (
    FeatureToggle,
    FeatureToggleDefaultConfigProvider,
)
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from local_cloud.deploy.build import Builder

# It warns about its own telemetry, which is not published here.
logging.getLogger("samtranslator.metrics.metrics").setLevel(logging.ERROR)

CODE = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
}


class TemplateError(Exception):
    """The template cannot be expanded; the message says which resource and why."""


def load(path: Path) -> dict[str, Any]:
    """The template as written, its short-form intrinsics (`!Ref`) in their long form."""
    if not path.is_file():
        raise TemplateError(f"{path}: no such template")
    document: dict[str, Any] = yaml_parse(path.read_text())
    return document


def package(
    template: dict[str, Any], root: Path, builder: Builder, upload: Callable[[str, bytes], str]
) -> dict[str, Any]:
    """The template with its local folders built and uploaded; `upload` returns an s3:// URI."""
    packaged = copy.deepcopy(template)
    common = packaged.get("Globals", {}).get("Function", {})
    for logical_id, resource in packaged.get("Resources", {}).items():
        kind, properties = resource.get("Type", ""), resource.setdefault("Properties", {})
        metadata = resource.get("Metadata", {})
        if kind in CODE:
            uri = properties.get(CODE[kind], common.get(CODE[kind]))
            if not isinstance(uri, str) or uri.startswith("s3://"):
                continue
            if metadata.get("BuildMethod") == "makefile":
                name, data = builder.layer(logical_id, root / uri)
            elif metadata.get("SkipBuild") is True:
                name, data = builder.function(root / uri)
            else:
                raise TemplateError(
                    f"{logical_id}: Metadata must say SkipBuild: true or BuildMethod: makefile; "
                    "these are the two ways of building that need no network at deployment"
                )
            properties[CODE[kind]] = upload(name, data)
        elif kind == "AWS::Serverless::StateMachine" and "DefinitionUri" in properties:
            path = root / properties.pop("DefinitionUri")
            properties["Definition"] = yaml.safe_load(path.read_text())
    return packaged


def expand(packaged: dict[str, Any], session: boto3.Session) -> dict[str, Any]:
    """Plain CloudFormation. Managed policies are not supported: every role must be written out."""
    translator = Translator(managed_policy_map={}, sam_parser=Parser(), boto_session=session)
    try:
        expanded: dict[str, Any] = translator.translate(
            sam_template=copy.deepcopy(packaged),
            parameter_values={},
            feature_toggle=FeatureToggle(
                FeatureToggleDefaultConfigProvider(), stage="", account_id="", region=""
            ),
        )
    except InvalidDocumentException as error:
        causes = "\n".join(str(cause.message) for cause in error.causes)
        raise TemplateError(f"the template is not valid SAM:\n{causes}") from error
    expanded.pop("Transform", None)
    for resource in expanded["Resources"].values():
        resource.pop("Metadata", None)  # for build tools and linters only
    return expanded
