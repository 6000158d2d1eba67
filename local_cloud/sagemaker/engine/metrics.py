"""Metrics that SageMaker reads out of a training job's log."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from local_cloud.sagemaker.engine.context import now
from local_cloud.sagemaker.engine.errors import StepFailed

# AWS's own metric definitions of its XGBoost image: `validation:rmse` and the like.
_XGBOOST = re.compile(r"#011(train|validation)-([\w@.-]+):([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?\d+)?)")


def as_logged(line: str) -> str:
    """A line as CloudWatch shows it: a tab is `#011`, which the metrics' regexes rely on."""
    return line.replace("\t", "#011")


class MetricReader:
    """Follows a log and keeps the newest value of every metric."""

    def __init__(self, definitions: Iterable[Mapping[str, str]], *, xgboost: bool) -> None:
        try:
            self._patterns = [(d["Name"], re.compile(d["Regex"])) for d in definitions]
        except re.error as error:
            raise StepFailed(f"ClientError: A metric's Regex is not one: {error}") from error
        self._xgboost = xgboost
        self._lock = threading.Lock()
        self._latest: dict[str, tuple[float, datetime]] = {}

    def read(self, lines: Iterable[str]) -> None:
        """Look for metrics in new lines."""
        for line in lines:
            for name, text in self._found(line):
                with self._lock:
                    self._latest[name] = (float(text), now())

    def final(self) -> list[dict[str, Any]]:
        """FinalMetricDataList of DescribeTrainingJob."""
        with self._lock:
            return [
                {"MetricName": name, "Value": value, "Timestamp": time}
                for name, (value, time) in self._latest.items()
            ]

    def _found(self, line: str) -> Iterator[tuple[str, str]]:
        if self._xgboost:
            for channel, metric, text in _XGBOOST.findall(line):
                yield f"{channel}:{metric}", text
        for name, pattern in self._patterns:
            match = pattern.search(line)
            if match and match.groups():
                yield name, match[1]
