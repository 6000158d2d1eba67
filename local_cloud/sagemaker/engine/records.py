"""Records of a batch transform: filtered on the way in, joined and filtered on the way out. Pure.

JSONPath as SageMaker takes it in InputFilter and OutputFilter: `$`, `$[1:]`, `$[0,-1]`,
`$.a.b`, `$['a','b']`. A CSV record is an array of its fields.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from local_cloud.sagemaker.engine.errors import StepFailed

_ACCESSOR = re.compile(r"\.([A-Za-z_][\w-]*)|\[([^\]]+)\]")
JOINED_KEY = "SageMakerOutput"


@dataclass(frozen=True)
class Filter:
    """One JSONPath of a DataProcessing setting."""

    path: str = "$"

    @property
    def keeps_all(self) -> bool:
        """Whether a record passes untouched."""
        return self.path == "$"

    def of(self, value: Any) -> Any:
        """What the path selects."""
        rest = self.path[1:] if self.path.startswith("$") else "?"
        position = 0
        try:
            while position < len(rest):
                match = _ACCESSOR.match(rest, position)
                if match is None:
                    raise StepFailed(f"ClientError: The filter {self.path} is no JSONPath known")
                value = _select(value, match[1], match[2])
                position = match.end()
        except (LookupError, TypeError, ValueError) as error:
            raise StepFailed(
                f"ClientError: The filter {self.path} does not fit the record {value!r}"[:1000]
            ) from error
        return value


def _select(value: Any, name: str | None, inside: str | None) -> Any:
    if name is not None:
        return value[name]
    inside = str(inside).strip()
    if ":" in inside:
        bounds = [int(part) if part.strip() else None for part in inside.split(":")]
        return value[slice(*bounds)]
    keys = [_key(part) for part in inside.split(",")]
    if len(keys) == 1:
        return value[keys[0]]
    if isinstance(value, dict):
        return {key: value[key] for key in keys}
    return [value[key] for key in keys]


def _key(part: str) -> Any:
    part = part.strip()
    return part[1:-1] if part[:1] in "'\"" else int(part)


def split(data: bytes, *, by_line: bool) -> list[bytes]:
    """The records of one object: its lines, or the whole of it."""
    if not by_line:
        return [data] if data else []
    return [line.rstrip(b"\r") for line in data.split(b"\n") if line.strip()]


def batches(
    records: Sequence[bytes], *, limit: int, single: bool
) -> Iterator[tuple[int, Sequence[bytes]]]:
    """Records that travel together, each batch with the number of its first record."""
    begin = size = 0
    for number, record in enumerate(records):
        if limit and len(record) > limit:
            raise StepFailed(
                f"ClientError: Record {number + 1} has {len(record)} bytes, more than "
                f"MaxPayloadInMB allows ({limit})"
            )
        full = number > begin and (single or (limit and size + len(record) + 1 > limit))
        if full:
            yield begin, records[begin:number]
            begin, size = number, 0
        size += len(record) + 1
    if begin < len(records):
        yield begin, records[begin:]


@dataclass(frozen=True)
class DataProcessing:
    """DataProcessing of a transform job."""

    input_filter: Filter = Filter()
    output_filter: Filter = Filter()
    join: bool = False
    content_type: str = "text/csv"

    @property
    def by_record(self) -> bool:
        """Whether response records must be separated."""
        return self.join or not self.output_filter.keeps_all

    def input_of(self, record: bytes) -> bytes:
        """What is sent to the model."""
        if self.input_filter.keeps_all:
            return record
        return self._write(self.input_filter.of(self._read(record)))

    def output_of(self, record: bytes, response: bytes) -> bytes:
        """What is written for a record the model answered."""
        if self.join and self._is_csv and self.output_filter.keeps_all:
            return record + b"," + response
        if not self.by_record:
            return response
        value = self._read(response)
        if self.join:
            value = self._joined(self._read(record), value)
        return self._write(self.output_filter.of(value))

    @property
    def _is_csv(self) -> bool:
        return self.content_type.split(";")[0] == "text/csv"

    def _joined(self, record: Any, response: Any) -> Any:
        if self._is_csv:
            return [*record, *response]
        if isinstance(record, dict):
            return {**record, JOINED_KEY: response}
        return {"SageMakerInput": record, JOINED_KEY: response}

    def _read(self, record: bytes) -> Any:
        text = record.decode("utf-8")
        if self._is_csv:
            return next(csv.reader([text]), [])
        try:
            return json.loads(text)
        except ValueError as error:
            raise StepFailed(f"ClientError: A record is not JSON: {text[:200]!r}") from error

    def _write(self, value: Any) -> bytes:
        if not self._is_csv:
            return json.dumps(value).encode()
        out = io.StringIO()
        csv.writer(out, lineterminator="").writerow(value if isinstance(value, list) else [value])
        return out.getvalue().encode()


def assemble(parts: Iterable[bytes], *, by_line: bool) -> bytes:
    """The object that is written: a line each, or one after the other."""
    return b"".join(part + b"\n" for part in parts) if by_line else b"".join(parts)
