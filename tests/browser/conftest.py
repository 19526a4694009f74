"""A real browser, and the dashboard as its users start it, over the server of the tests."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    Request,
    expect,
    sync_playwright,
)

from benchmarks.peers import debian
from tests.command_line import Cli
from tests.conftest import Server

PATIENCE_MS = 30_000
expect.set_options(timeout=PATIENCE_MS)
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The browser of a file's tests. While it is there, an event loop runs in this thread, in which
    asynchronous tests of other files could not have theirs."""
    path = debian.browser()
    if path is None:
        try:
            debian.install("chromium")
        except debian.Unavailable as error:
            pytest.skip(str(error))
        path = debian.browser()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield running
        running.close()


@contextmanager
def served(cli: Cli, *args: str, port: str = "0", **env: str) -> Iterator[str]:
    """The URL of a server that a command starts, until the end."""
    with cli.popen(*args, "--port", port, **env) as process:
        try:
            line = process.stderr.readline()
            found = re.search(r" at (http://\S+)", line)
            assert found, line + process.stderr.read()
            # What else it says must not fill the pipe.
            threading.Thread(target=process.stderr.read, daemon=True).start()
            yield found[1]
        finally:
            process.terminate()
            process.wait(30)
            process.stdout.close()


@pytest.fixture(scope="module")
def dashboard(server: Server) -> Iterator[str]:
    """The dashboard on loopback, with all rights."""
    with served(Cli(*server), "web", "--no-open") as url:
        yield url


class Watched:
    """What a browser does besides what a test asks for: nothing of it is expected."""

    def __init__(self, url: str) -> None:
        self.host = urlsplit(url).netloc
        self.said: list[str] = []

    def watch(self, page: Page) -> Page:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("request", self._request)
        page.on("dialog", lambda dialog: self.said.append(f"dialog: {dialog.message}"))
        page.set_default_timeout(PATIENCE_MS)
        return page

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.said.append(f"{message.type}: {message.text}")

    def _request(self, request: Request) -> None:
        if urlsplit(request.url).netloc != self.host:
            self.said.append(f"request: {request.url}")


@pytest.fixture
def watched(dashboard: str) -> Watched:
    return Watched(dashboard)


@pytest.fixture
def visit(browser: Browser, dashboard: str, watched: Watched) -> Iterator[Open]:
    """Open a page of the dashboard in a new context; the browser has to be content with it."""
    with ExitStack() as stack:

        def visit(path: str = "/", at: str = dashboard, **context: Any) -> Page:
            made = browser.new_context(**context)
            stack.callback(made.close)
            watched.host = urlsplit(at).netloc
            page = watched.watch(made.new_page())
            page.goto(at + path)
            return page

        yield visit
    assert watched.said == []
