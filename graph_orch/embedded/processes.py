"""What the operating system tells of processes: /proc on Linux, `ps` and `lsof` elsewhere."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

PROC = Path("/proc")


def arguments_of(pid: int) -> list[str]:
    """The command line of a process; empty where the process has ended or has none."""
    if _has_proc():
        with contextlib.suppress(OSError):
            text = (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace")
            return text.rstrip("\0").split("\0") if text else []
        return []
    return _ps("command=", pid).split(" ")


def is_ours(pid: int) -> bool:
    """Whether this process's user runs the process.

    A command line does not prove that, since any user can start a process with any command line.
    """
    if _has_proc():
        with contextlib.suppress(OSError):
            return (PROC / str(pid)).stat().st_uid == os.geteuid()
        return False
    return _ps("uid=", pid).strip() == str(os.geteuid())


def is_stopped(pid: int) -> bool:
    """Whether a process is suspended, by SIGSTOP or a terminal."""
    if _has_proc():
        with contextlib.suppress(OSError):
            text = (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
            return text.rpartition(")")[2].split()[0] in "Tt"
        return False
    return _ps("state=", pid).startswith("T")


def all_pids() -> Iterator[int]:
    """The ids of all processes that this user can see."""
    if _has_proc():
        yield from (int(name) for name in os.listdir(PROC) if name.isdigit())
    else:
        yield from (int(pid) for pid in _ps("pid=").split())


def lock_holders(path: Path) -> list[int]:
    """The pids that hold a flock(2) lock of a file; empty on macOS, which does not tell."""
    with contextlib.suppress(OSError):
        inode = str(path.stat().st_ino)
        # A row is "1: FLOCK ADVISORY WRITE 4242 fe:00:9180 0 EOF": number, kind, mode, access,
        # pid, device and inode. A process that only waits has "->" in column 1.
        rows = [line.split() for line in (PROC / "locks").read_text("utf-8").splitlines()]
        return [
            int(row[4])
            for row in rows
            if row[1] == "FLOCK" and row[5].rpartition(":")[2] == inode and int(row[4]) > 0
        ]
    return []


def listens_on(pid: int, port: int) -> bool:
    """Whether a process itself accepts connections on a TCP port."""
    if not _has_proc():
        return _output("lsof", "-nP", "-t", "-a", f"-p{pid}", f"-iTCP:{port}", "-sTCP:LISTEN") != ""
    tables = [PROC / "self" / "net" / name for name in ("tcp", "tcp6")]
    text = "".join(table.read_text(encoding="ascii") for table in tables if table.exists())
    rows = [line.split() for line in text.splitlines()]
    # Column 1 is the local address:port in hexadecimal, 3 the state (0A is LISTEN), 9 the inode.
    inodes = {row[9] for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")}
    with contextlib.suppress(OSError):
        for descriptor in (PROC / str(pid) / "fd").iterdir():
            with contextlib.suppress(OSError):  # the process closed it meanwhile
                if os.readlink(descriptor).removeprefix("socket:[").removesuffix("]") in inodes:
                    return True
    return False


def _has_proc() -> bool:
    return (PROC / "self" / "stat").exists()  # not on macOS


def _ps(what: str, pid: int | None = None) -> str:
    return _output("ps", *(["-A"] if pid is None else ["-p", str(pid)]), "-ww", "-o", what)


def _output(*command: str) -> str:
    with contextlib.suppress(OSError):
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return ""
