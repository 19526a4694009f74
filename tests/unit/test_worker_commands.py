"""Commands as handlers: what is kept of their output, when they end, and that nothing stays."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from graph_orch import TaskFailure, ValidationError
from graph_orch.executors import command, command_handler, lines
from tests.waiting import eventually


class GivenTask:
    """What a command handler asks of its context."""

    def __init__(self, content: str = "x") -> None:
        fields = {"task_id": "1", "content": content}
        self.task = SimpleNamespace(model_dump=lambda mode: fields)

    async def results(self):
        return {}


def run(script: str, *, content: str = "x", env=()):
    handler = command_handler([sys.executable, "-c", script], env=env)
    return asyncio.run(asyncio.wait_for(handler(GivenTask(content)), 60))


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


CHILD = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {code!r}])
open({file!r}, "w").write(str(child.pid))
"""
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


def test_child_in_the_background_that_holds_the_output_does_not_hold_the_task(tmp_path):
    file = tmp_path / "pid"
    code = CHILD.format(code="import time; time.sleep(600)", file=str(file))
    assert run(code + "print('done', flush=True)") == "done"
    assert eventually(lambda: not is_alive(int(file.read_text())))


def test_child_that_ignores_sigterm_is_killed_though_its_parent_has_gone(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "END_SECONDS", 0.5)
    file = tmp_path / "pid"
    assert run(CHILD.format(code=STUBBORN, file=str(file)) + "print(1)") == 1
    assert eventually(lambda: not is_alive(int(file.read_text())))


@pytest.mark.parametrize("twice", [False, True])
def test_cancelling_kills_the_whole_group(tmp_path, monkeypatch, twice):
    monkeypatch.setattr(command, "END_SECONDS", 60 if twice else 0.5)
    file = tmp_path / "pid"
    script = CHILD.format(code=STUBBORN, file=str(file)) + STUBBORN

    async def cancel() -> None:
        handler = command_handler([sys.executable, "-c", script])
        running = asyncio.ensure_future(handler(GivenTask()))
        assert await asyncio.to_thread(eventually, lambda: file.exists() and file.read_text())
        running.cancel()
        if twice:
            await asyncio.wait((running,), timeout=0.2)
            running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancel())
    assert eventually(lambda: not is_alive(int(file.read_text())))


def test_output_without_end_is_cut_off_and_takes_no_memory():
    script = "import sys\nwhile True: sys.stdout.write('x' * 65536)"
    before = peak()
    with pytest.raises(TaskFailure, match="a result may have 1,000,000") as raised:
        run(script)
    assert raised.value.error_class == "permanent"
    assert peak() - before < 64_000_000


def peak() -> int:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1_024


def test_of_errors_the_end_is_kept_however_many_there_are():
    script = (
        "import sys\nfor n in range(300_000): print('warning', n, file=sys.stderr)\nsys.exit(3)"
    )
    with pytest.raises(TaskFailure, match=r"exit code 3: [\s\S]*warning 299999$") as raised:
        run(script)
    assert len(str(raised.value)) < 3_000


def test_command_that_does_not_read_its_input(tmp_path):
    assert run("print(2)", content="x" * 900_000) == 2


def test_input_comes_whole():
    script = "import json, sys; print(len(json.load(sys.stdin)['content']))"
    assert run(script, content="é" * 400_000) == 400_000


@pytest.mark.parametrize(
    ("printed", "result"),
    [("'[' * 100_000", "[" * 100_000), ("'9' * 5_000", "9" * 5_000), ("'\\udcff'", None)],
)
def test_output_that_only_looks_like_json_is_text(printed, result):
    script = f"import sys; sys.stdout.reconfigure(errors='surrogateescape'); print({printed})"
    assert run(script) == (result or "\ufffd")


def test_signal_is_told():
    with pytest.raises(TaskFailure, match="ended by signal 9"):
        run(f"import os; os.kill(os.getpid(), {int(signal.SIGKILL)})")


def test_a_command_that_is_not_there_is_refused_before_it_takes_a_task():
    with pytest.raises(ValidationError, match="no-such-command"):
        command_handler("no-such-command --now")


def test_errors_without_end_are_cut_off_and_take_no_memory(monkeypatch):
    monkeypatch.setattr(command, "MOST_ERRORS", 16_000_000)
    before = peak()
    with pytest.raises(TaskFailure, match="of errors") as raised:
        run("import sys\nwhile True: sys.stderr.write('x' * 65536)")
    assert raised.value.error_class == "permanent"
    assert peak() - before < 64_000_000


def test_what_a_child_floods_after_the_end_of_the_command_does_not_fail_it(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "MOST_ERRORS", 1_000_000)
    monkeypatch.setattr(command, "END_SECONDS", 0.5)
    file = tmp_path / "pid"
    flood = "import sys\nwhile True: sys.stderr.write('x' * 65536)"
    slow = "import time\ntime.sleep(0.3)\n" + flood
    assert run(CHILD.format(code=slow, file=str(file)) + "print(1)") == 1
    assert eventually(lambda: not is_alive(int(file.read_text())))


def test_what_forks_on_and_on_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "END_SECONDS", 0.5)
    file = tmp_path / "pids"
    code = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "while True:\n"
        f"    with open({str(file)!r}, 'a') as all_: all_.write(f'{{os.getpid()}}\\n')\n"
        "    time.sleep(0.01)\n"
        "    if os.fork(): os._exit(0)\n"
    )
    script = CHILD.format(code=code, file=str(tmp_path / "first")) + (
        f"import os, time\nwhile not os.path.exists({str(file)!r}): time.sleep(0.01)\nprint(1)"
    )
    assert run(script) == 1
    pids = [int(line) for line in file.read_text().split()]
    assert eventually(lambda: not any(map(is_alive, pids)))
    assert pids == [int(line) for line in file.read_text().split()]


def test_what_stopped_itself_is_asked_to_end(tmp_path):
    file = tmp_path / "said"
    script = (
        "import os, signal, sys\n"
        f"file = {str(file)!r}\n"
        "def end(*_): open(file, 'a').write('ended in order'); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "open(file, 'w').write('begun, ')\n"
        "os.kill(os.getpid(), signal.SIGSTOP)\n"
    )

    async def cancel() -> None:
        handler = command_handler([sys.executable, "-c", script])
        running = asyncio.ensure_future(handler(GivenTask()))
        assert await asyncio.to_thread(eventually, lambda: file.exists() and file.read_text())
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(cancel())
    assert file.read_text() == "begun, ended in order"


SHOW = "import json, os; print(json.dumps(dict(os.environ)))"


def test_a_command_sees_no_secret_of_its_worker(monkeypatch):
    for name in ("NEO4J_PASSWORD", "NEO4J_URI", "GRAPH_ORCH_MCP_TOKEN", "AWS_SECRET", "LC_TIME"):
        monkeypatch.setenv(name, f"the {name}")
    monkeypatch.setenv("LD_PRELOAD_NOT", "x")
    seen = run(SHOW)
    assert seen["LC_TIME"] == "the LC_TIME"
    assert {"PATH", "HOME"} <= seen.keys()
    added = {name for name in seen if name.startswith("LC_")} | {"__CF_USER_TEXT_ENCODING"}
    assert seen.keys() <= {*command.SAFE, lines.ASK, lines.ANSWER, *added}
    seen = run(SHOW, env=["AWS_SECRET"])
    assert seen["AWS_SECRET"] == "the AWS_SECRET"
    assert "NEO4J_PASSWORD" not in seen


@pytest.mark.parametrize(
    ("name", "message"), [("NOT_SET_ANYWHERE", "is not set"), ("A=a-secret", "without its value")]
)
def test_a_variable_that_cannot_be_handed_on_is_refused(name, message):
    with pytest.raises(ValidationError, match=message) as raised:
        command_handler("true", env=[name])
    assert "secret" not in str(raised.value)
