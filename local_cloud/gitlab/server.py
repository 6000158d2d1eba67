"""The HTTP side: sockets, and faults that can be switched on to test callers."""

import json
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from local_cloud.gitlab.requests import Answer, Request

Around = Callable[[Request, Callable[[Request], Answer]], Answer]
_IDLE = 30  # seconds until an idle connection is closed


@dataclass
class Faults:
    """The faults that are on."""

    down: bool = False  # 503 to everything
    refuse: bool = False  # no connection at all
    delay: float = 0.0  # seconds before each answer
    throttled: int = 0  # how many requests get 429
    retry_after: int = 60  # seconds, in the answer to throttled requests
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def answer(self) -> Answer | None:
        """The faulty answer, if any."""
        with self.lock:
            if self.down:
                return Answer(503, "GitLab is not responding\n")
            if self.throttled <= 0:
                return None
            self.throttled -= 1
            limits = {
                "RateLimit-Name": "throttle_authenticated_api",
                "RateLimit-Limit": "2000",
                "RateLimit-Observed": "2001",
                "RateLimit-Remaining": "0",
                "RateLimit-Reset": str(int(time.time()) + self.retry_after),
                "Retry-After": str(self.retry_after),
            }
            return Answer(429, "Retry later\n", limits)


class Server:
    """Listens on 127.0.0.1 and hands requests to `answer` once `open` was called."""

    def __init__(self, port: int) -> None:
        self.faults = Faults()
        self._http = _bound(port, self)
        self.port = int(self._http.server_address[1])
        self._answer: Callable[[Request], Answer] | None = None
        # The wrapper of each answer; it may raise ConnectionError to hang up.
        self.around: Around = lambda request, answer: answer(request)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def open(self, answer: Callable[[Request], Answer]) -> None:
        """Serve in the background."""
        self._answer = answer
        threading.Thread(
            target=self._http.serve_forever,
            kwargs={"poll_interval": 0.05},
            name="gitlab",
            daemon=True,
        ).start()

    def close(self) -> None:
        """Stop listening and drop every connection."""
        self._http.shutdown()
        self._http.server_close()
        self._http.drop_connections()

    def refuse(self, yes: bool) -> None:
        """Stop or start listening, on the same port."""
        if yes == self.faults.refuse:
            return
        self.faults.refuse = yes
        if yes:
            self.close()
        elif self._answer is not None:
            self._http = _bound(self.port, self)
            self.open(self._answer)

    def respond(self, request: Request) -> Answer:
        """The answer, after faults."""
        if self.faults.delay:
            time.sleep(self.faults.delay)
        faulty = None if request.path.startswith("/-/") else self.faults.answer()
        if faulty is not None or self._answer is None:
            return faulty or Answer(503, "Not open yet\n")
        return self.around(request, self._answer)


class _Http(ThreadingHTTPServer):
    """The standard library's server, without its name lookup, and tracking its connections."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], owner: Server) -> None:
        self.owner = owner
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Bind only: HTTPServer would ask a name server who 127.0.0.1 is."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection while it lasts."""
        with self._connections_lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget it."""
        with self._connections_lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def drop_connections(self) -> None:
        """Drop open connections."""
        with self._connections_lock:
            for connection in self._connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:  # the peer was faster
                    continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A peer that hangs up is not an error of ours; anything else is printed."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "GitLab"
    timeout = _IDLE
    server: _Http

    def do_GET(self) -> None:
        self._respond()

    def do_POST(self) -> None:
        self._respond()

    def do_PUT(self) -> None:
        self._respond()

    def do_DELETE(self) -> None:
        self._respond()

    def log_message(self, *_: Any) -> None:
        """Log nothing: a query may contain a token."""

    def _respond(self) -> None:
        target = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=target.path,
            query=dict(parse_qsl(target.query, keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
        )
        answer = self.server.owner.respond(request)
        is_text = isinstance(answer.content, str)
        content = (answer.content if is_text else json.dumps(answer.content)).encode()
        self.send_response(answer.status)
        self.send_header("Content-Type", "text/plain" if is_text else "application/json")
        self.send_header("Content-Length", str(len(content)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def _bound(port: int, owner: Server) -> _Http:
    try:
        return _Http(("127.0.0.1", port), owner)
    except OSError:  # another process has the previous port
        if port == 0 or owner.faults.refuse:
            raise
        return _Http(("127.0.0.1", 0), owner)
