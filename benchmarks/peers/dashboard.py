"""The dashboard of a store, and a bare page beside it, each in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.store import Store

LONGEST_SECONDS = 600
END_SECONDS = 30


class Site:
    """A server of pages."""

    def __init__(self, url: str, pid: int) -> None:
        self.url, self.pid = url, pid

    def get(self, path: str) -> int:
        """Ask for a page, by a connection of its own; how many bytes its whole answer has.

        Raises:
            RuntimeError: the page is refused.
        """
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=LONGEST_SECONDS)
        try:
            connection.request("GET", path, headers={"accept": "text/html"})
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status}: {body[-500:].decode()}")
        return len(body)


@contextmanager
def dashboard(store: Store) -> Generator[Site]:
    """What `graph-orch web` serves of a store."""
    user, password = store.auth or ("", "")
    settings = {
        "NEO4J_URI": store.uri,
        "NEO4J_USERNAME": user,
        "NEO4J_PASSWORD": password,
        "NEO4J_DATABASE": store.database or "",
    }
    command = [sys.executable, "-m", "graph_orch.cli", "web", "--port", "0", "--no-open"]
    with _served(command, {name: it for name, it in settings.items() if it}) as site:
        yield site


@contextmanager
def bare_page() -> Generator[Site]:
    """Pages of any size (`/SIZE`), which read nothing."""
    with _served([sys.executable, str(Path(__file__).with_name("bare_page.py"))], {}) as site:
        yield site


@contextmanager
def _served(command: list[str], settings: dict[str, str]) -> Generator[Site]:
    process = subprocess.Popen(
        command, env=os.environ | settings, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        found = re.search(r" at (http://\S+)", line)
        if found is None:
            raise RuntimeError(line + process.stderr.read())
        # What else it says must not fill the pipe.
        threading.Thread(target=process.stderr.read, daemon=True).start()
        yield Site(found[1], process.pid)
    finally:
        process.terminate()
        process.wait(END_SECONDS)
