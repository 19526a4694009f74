"""What Debian's packages bring: a browser, and servers, installed where this process may do so."""

import os
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
POLICY = Path("/usr/sbin/policy-rc.d")


class Unavailable(Exception):
    """A peer cannot run here. The message is one line: what is missing and what would help."""


def browser() -> str | None:
    """Where a browser is, for Playwright to drive; None where there is none."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def install(package: str) -> None:
    """`apt-get install` the package without letting it start a service. Raises Unavailable."""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        raise Unavailable(f"{package} is absent: install it, or run as root on Debian")
    with _services_held():
        if not _apt("install", package):
            _apt("update")
            if not _apt("install", package):
                raise Unavailable(f"apt-get could not install {package}")


def _apt(command: str, *packages: str) -> bool:
    arguments = ["apt-get", "-qq", command]
    if packages:
        arguments += ["--yes", "--no-install-recommends", *packages]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(arguments, env=environment, capture_output=True).returncode == 0


@contextmanager
def _services_held() -> Generator[None]:
    """Debian's own switch: packages start no service while this file says 101."""
    if POLICY.exists():  # the machine has a policy of its own
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
