"""A stub of AWS and GitLab for the functions, over TLS on 127.0.0.1, with prepared answers.

It answers at once and checks nothing, so that what is measured is the function.
"""

from __future__ import annotations

import copy
import json
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from benchmarks.tls import HOST, server_context

Items = dict[tuple[str, str], dict[str, Any]]
Answer = Callable[[dict[str, Any]], Any]


class Stub:
    """A server, as a context manager; `calls` lists what was called, `ca` makes it trusted.

    `items` are DynamoDB's, `answers` those of the other services, by operation or by `METHOD /first
    part of the path`, with `?versions` for a bucket's. `client` is the process whose CPU time is
    noted at each call.
    """

    def __init__(self, folder: Path, items: Items, answers: dict[str, Any]) -> None:
        self.items, self.answers = items, answers
        self.calls: list[str] = []
        self.client = 0
        self.cpu_ms: dict[str, float] = {}  # of the client, as it sent its first call of a kind
        self._start = copy.deepcopy(items)
        context, self.ca = server_context(folder)
        self._server = _Server(self, context)
        self.url = f"https://{HOST}:{self._server.server_port}"

    def reset(self) -> None:
        """Forget the calls, and what they wrote."""
        self.calls.clear()
        self.cpu_ms.clear()
        self.items.clear()
        self.items.update(copy.deepcopy(self._start))

    def __enter__(self) -> Stub:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, operation: str, request: dict[str, Any]) -> Any:
        """The answer to an operation; a missing one is logged."""
        self.calls.append(operation)
        if self.client and operation not in self.cpu_ms:
            on_cpu = Path(f"/proc/{self.client}/schedstat").read_text().split()[0]
            self.cpu_ms[operation] = int(on_cpu) / 1e6
        dynamodb: dict[str, Answer] = {
            "GetItem": self._get_item,
            "BatchGetItem": self._batch_get_item,
            "Query": self._query,
            "TransactWriteItems": self._transact_write_items,
            "DeleteItem": self._delete_item,
        }
        if operation in dynamodb:
            return dynamodb[operation](request)
        if operation not in self.answers:
            raise LookupError(f"the stub has no answer to {operation}")
        return self.answers[operation]

    def _get_item(self, request: dict[str, Any]) -> Any:
        item = self.items.get(_key(request["Key"]))
        return {"Item": item} if item else {}

    def _batch_get_item(self, request: dict[str, Any]) -> Any:
        found = {
            table: [item for key in asked["Keys"] if (item := self.items.get(_key(key)))]
            for table, asked in request["RequestItems"].items()
        }
        return {"Responses": found, "UnprocessedKeys": {}}

    def _query(self, request: dict[str, Any]) -> Any:
        pk = request["ExpressionAttributeValues"][":pk"]["S"]
        found = [item for key, item in sorted(self.items.items()) if key[0] == pk]
        return {"Items": found, "Count": len(found)}

    def _transact_write_items(self, request: dict[str, Any]) -> Any:
        for write in request["TransactItems"]:
            self.items[_key(write["Put"]["Item"])] = write["Put"]["Item"]
        return {}

    def _delete_item(self, request: dict[str, Any]) -> Any:
        self.items.pop(_key(request["Key"]), None)
        return {}


def _key(item: dict[str, Any]) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, stub: Stub, context: ssl.SSLContext) -> None:
        super().__init__((HOST, 0), _Handler)
        self.stub, self._context = stub, context

    def get_request(self) -> tuple[ssl.SSLSocket, Any]:
        connection, address = self.socket.accept()
        # The handshake is the handler thread's: it must not keep the next client waiting.
        tls = self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return tls, address


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *_: Any) -> None:
        """Log nothing, which would disturb the measurement."""

    def _respond(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        target = self.headers.get("X-Amz-Target", "")
        form = self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
        if target:
            answer = self.server.stub.answer(target.rsplit(".", 1)[-1], json.loads(body or b"{}"))
        elif form:  # the query protocol: SNS
            action = body.decode().split("Action=", 1)[1].split("&", 1)[0]
            answer = self.server.stub.answer(action, {})
        else:
            path, _, query = self.path.partition("?")
            listed = "?versions" if "versions" in query.split("&") else ""  # of a bucket
            place = f"/{path.strip('/').split('/')[0]}{listed}"
            answer = self.server.stub.answer(f"{self.command} {place}", {})
        data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(200)
        kind = "text/xml" if data.startswith(b"<") else "application/json"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_HEAD = _respond  # the names http.server calls
