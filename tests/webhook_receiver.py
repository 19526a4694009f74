"""A receiver of webhooks on loopback, which verifies what it gets as others' receivers do."""

from __future__ import annotations

import json
import ssl
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self

from standardwebhooks import Webhook, WebhookVerificationError


class Got(NamedTuple):
    path: str
    id: str
    event: dict[str, Any]
    signatures: int


class Receiver:
    """An HTTP server. It verifies signatures by `secrets`, of which one must fit.

    `answer` is given what came, and says the status, or the status, headers and body.
    """

    def __init__(self, *secrets: str, tls: ssl.SSLContext | None = None) -> None:
        self.secrets = list(secrets)
        self.got: list[Got] = []
        self.wrong: list[str] = []
        self.at_once = self.most_at_once = 0
        self.answer: Callable[[Got], Any] = lambda got: 200
        self.changed = threading.Condition()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                receiver._take(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/hook"

    def _take(self, request: BaseHTTPRequestHandler) -> None:
        length = int(request.headers["content-length"])
        if len(body := request.rfile.read(length)) < length:  # the sender died
            request.close_connection = True
            return
        headers = dict(request.headers.items())
        if not any(verifies(secret, body, headers) for secret in self.secrets):
            self.wrong.append(body.decode())
        signatures = len(headers["webhook-signature"].split(" "))
        got = Got(request.path, headers["webhook-id"], json.loads(body), signatures)
        with self.changed:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            self.got.append(got)
            self.changed.notify_all()
        said = self.answer(got)
        status, headers, text = said if isinstance(said, tuple) else (said, {}, b"")
        with self.changed:
            self.at_once -= 1
        try:
            request.send_response(status)
            for name, value in headers.items():
                request.send_header(name, value)
            request.send_header("Content-Length", str(len(text)))
            request.end_headers()
            request.wfile.write(text)
        except OSError:  # the sender has gone
            pass

    @property
    def ids(self) -> Counter[str]:
        """How often each webhook-id came."""
        with self.changed:
            return Counter(it.id for it in self.got)

    def wait_for(self, number: int, seconds: float = 60) -> None:
        """Wait until so many different events have come."""
        with self.changed:
            assert self.changed.wait_for(
                lambda: len({it.id for it in self.got}) >= number, seconds
            ), f"{len(self.got)} came"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 100  # of the five by default the kernel resets what comes beyond


def verifies(secret: str, body: bytes, headers: dict[str, str]) -> bool:
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True
