"""A quota of SageMaker, from the text in which SageMaker says that it is used up."""

import re
from typing import NamedTuple

# https://docs.aws.amazon.com/sagemaker/latest/dg/troubleshooting.html: "The account-level service
# limit 'ml.m5.xlarge for training job usage' is 0 Instances, with current utilization of 0
# Instances and a request delta of 1 Instances."
_SAID = re.compile(r"service limit '(?P<name>[^']+)' is (?P<limit>\d+)")
_DELTA = re.compile(r"request delta of (\d+)")
_INSTANCE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9]+")


class Quota(NamedTuple):
    """A quota by its name in Service Quotas, its value, and how much a request exceeds it."""

    name: str
    limit: int
    more: int

    @property
    def instance_type(self) -> str:
        """The instance type that the quota counts; empty if it counts something else."""
        found = _INSTANCE.match(self.name)
        return found[0] if found else ""


def quota_in(text: str) -> Quota | None:
    """Return the quota that an error names, or None if it names none."""
    said, delta = _SAID.search(text), _DELTA.search(text)
    if said is None:
        return None
    return Quota(said["name"], int(said["limit"]), max(int(delta[1]), 1) if delta else 1)
