"""A signal ends a command though a library makes an error of its own of what the handler raises."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import os, signal, sys
from graph_orch.cli import app, signals

def told():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except SystemExit as error:
        raise ValueError(f"a library failed: {error!r}")

signals.leave_in_order()
app.app = told
sys.argv = ["graph-orch"]
app.main()
"""


def test_a_signal_that_a_library_turned_into_an_error():
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
