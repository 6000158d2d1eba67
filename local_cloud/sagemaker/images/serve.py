"""Serves one model over two pipes, as AWS's XGBoost and scikit-learn containers do over HTTP.

Run under the jobs' interpreter: `serve.py REPOSITORY READ_FD WRITE_FD`. The built-in algorithm's
model is /opt/ml/model/xgboost-model; in script mode (SAGEMAKER_PROGRAM) the user's model_fn,
input_fn, predict_fn and output_fn take the place of the defaults.
"""

from __future__ import annotations

import csv
import importlib
import io
import json
import os
import struct
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np

MODEL = Path("/opt/ml/model")
FRAME = struct.Struct(">II")
XGBOOST = "sagemaker-xgboost"


class BadRequest(Exception):
    """A payload that cannot be predicted; the status is HTTP's."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


def read_rows(payload: bytes, content_type: str) -> Any:
    """A CSV payload as numbers; an empty field is a missing value."""
    if content_type.split(";")[0].strip() != "text/csv":
        raise BadRequest(f"Content type {content_type} is not supported; send text/csv", 415)
    try:
        return np.loadtxt(
            io.BytesIO(payload), delimiter=",", dtype=np.float32, ndmin=2, comments=None
        )
    except ValueError:
        return np.array(list(_read_slowly(payload.decode("utf-8"))), dtype=np.float32)


def _read_slowly(text: str) -> list[list[float]]:
    rows: list[list[float]] = []
    for number, row in enumerate(csv.reader(io.StringIO(text)), 1):
        if rows and len(row) != len(rows[0]):
            raise BadRequest(f"Row {number} has {len(row)} columns, but row 1 has {len(rows[0])}")
        rows.append([_number(number, *field) for field in enumerate(row, 1)])
    return rows


def _number(row: int, column: int, text: str) -> float:
    try:
        return float(text) if text.strip() else float("nan")
    except ValueError:
        raise BadRequest(f"Row {row}, column {column}: {text!r} is not a number") from None


class Model:
    """The model and the four functions that make an answer of a payload."""

    def __init__(self, repository: str, user: ModuleType | None) -> None:
        self._user = user
        self._is_xgboost = repository == XGBOOST
        if self._is_xgboost and user is None:
            # xgboost imports these when it finds them, which takes most of a second.
            for unneeded in ("pandas", "sklearn"):
                sys.modules[unneeded] = None  # type: ignore[assignment]
        load = getattr(user, "model_fn", None)
        self._model = load(str(MODEL)) if load else self._load()

    def answer(self, payload: bytes, content_type: str, accept: str) -> bytes:
        """Read, predict, write; each by the user's function where there is one."""
        read = getattr(self._user, "input_fn", None)
        data = (
            read(_as_sent(payload, content_type), content_type)
            if read
            else read_rows(payload, content_type)
        )
        predict = getattr(self._user, "predict_fn", None)
        predictions = predict(data, self._model) if predict else self._predict(data)
        write = getattr(self._user, "output_fn", None)
        out = write(predictions, accept) if write else _write_csv(predictions, accept)
        if isinstance(out, tuple):
            out = out[0]
        return out if isinstance(out, bytes) else str(out).encode()

    def _load(self) -> Any:
        if not self._is_xgboost:
            raise SystemExit("Without a model_fn this image cannot load a model")
        import xgboost

        path = MODEL / "xgboost-model"
        if not path.is_file():
            held = sorted(p.name for p in MODEL.iterdir())
            raise SystemExit(f"The model archive holds no xgboost-model; it holds {held}")
        booster = xgboost.Booster()
        booster.load_model(path)
        return booster

    def _predict(self, data: Any) -> Any:
        if not self._is_xgboost:
            return self._model.predict(data)
        import xgboost

        matrix = data if isinstance(data, xgboost.DMatrix) else xgboost.DMatrix(data)
        expected = self._model.num_features()
        if matrix.num_col() != expected:
            raise BadRequest(
                f"The rows have {matrix.num_col()} columns, the model has {expected} features"
            )
        return self._model.predict(matrix, validate_features=False)


def _as_sent(payload: bytes, content_type: str) -> str | bytes:
    text = content_type.startswith("text/") or "json" in content_type
    return payload.decode("utf-8") if text else payload


def _write_csv(predictions: Any, accept: str) -> bytes:
    if accept.split(";")[0].strip() not in ("text/csv", "*/*", ""):
        raise BadRequest(f"Accept {accept} is not supported; ask for text/csv", 406)
    rows = np.asarray(predictions).tolist()
    lines = (",".join(map(str, row)) if isinstance(row, list) else str(row) for row in rows)
    return "".join(f"{line}\n" for line in lines).encode()


def user_module() -> ModuleType | None:
    """The user's script, where the model brings one."""
    program = os.environ.get("SAGEMAKER_PROGRAM", "")
    if not program:
        return None
    folders = [Path("/opt/ml/code"), MODEL / "code"]
    for folder in folders:
        if (folder / program).is_file():
            sys.path.insert(0, str(folder))
            return importlib.import_module(program.removesuffix(".py"))
    raise SystemExit(f"SAGEMAKER_PROGRAM {program} is in neither {folders[0]} nor {folders[1]}")


def serve(model: Model, requests: BinaryIO, responses: BinaryIO) -> None:
    """Answer payloads until there are no more."""
    while frame := requests.read(FRAME.size):
        header_size, size = FRAME.unpack(frame)
        header = json.loads(requests.read(header_size))
        payload = requests.read(size)
        try:
            status, body = 200, model.answer(payload, header["content_type"], header["accept"])
        except BadRequest as error:
            status, body = error.status, str(error).encode()
        except Exception as error:  # the user's functions may raise anything; it is an HTTP 500
            traceback.print_exc()
            status, body = 500, f"{type(error).__name__}: {error}".encode()
        print(f'"POST /invocations HTTP/1.1" {status} {len(body)}', flush=True)
        responses.write(FRAME.pack(status, len(body)) + body)
        responses.flush()


def main() -> None:
    """Load the model once, then serve."""
    repository, read_fd, write_fd = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    model = Model(repository, user_module())
    print(f"Model loaded from {MODEL}", flush=True)
    with os.fdopen(read_fd, "rb") as requests, os.fdopen(write_fd, "wb") as responses:
        serve(model, requests, responses)


if __name__ == "__main__":
    main()
