"""Which rule an EventBridge call is about, as IAM's policies name it.

MiniStack reads a rule's name from half of the operations only, and writes the default bus into the
rule's ARN, where AWS leaves it out: a policy that names a rule would never match.
"""

from __future__ import annotations

import json
from typing import Any

from ministack.core import iam_actions

from local_cloud.ministack import seams

# The member that holds the rule's name; MiniStack handles events and buses itself.
_RULE_OF = {
    **dict.fromkeys(("PutRule", "DescribeRule", "DeleteRule", "EnableRule", "DisableRule"), "Name"),
    **dict.fromkeys(("PutTargets", "RemoveTargets", "ListTargetsByRule"), "Rule"),
}
_DEFAULT_BUS = "default"


def install() -> None:
    """Make IAM's evaluation use the same ARN as AWS."""

    def extract_resource_arn(
        service: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query_params: dict[str, Any],
        region: str,
        account_id: str,
    ) -> Any:
        member = _RULE_OF.get(headers.get("x-amz-target", "").rpartition(".")[2])
        if service != "events" or member is None:
            return other(service, method, path, headers, body, query_params, region, account_id)
        request = json.loads(body or b"{}")
        bus = str(request.get("EventBusName") or _DEFAULT_BUS).rpartition("/")[2]
        folder = "" if bus == _DEFAULT_BUS else f"{bus}/"
        return f"arn:aws:events:{region}:{account_id}:rule/{folder}{request.get(member, '')}"

    other = seams.replace(
        iam_actions,
        "extract_resource_arn",
        "service method path headers body query_params region account_id",
        extract_resource_arn,
    )
