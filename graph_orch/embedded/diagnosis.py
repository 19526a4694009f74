"""Why a server cannot run: the operating system's errors, and what the server's log says."""

from __future__ import annotations

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager

from graph_orch.embedded.state import DataDirectory
from graph_orch.errors import (
    DataDirectoryError,
    DiskFullError,
    EmbeddedServerError,
    PortInUseError,
    ServerStartError,
)

ROOM_BYTES = 10_000_000
"""Free bytes that a start needs: a new store takes 2 MB, and its logs grow."""


@contextmanager
def directory_errors(data: DataDirectory) -> Generator[None]:
    """Translate an OSError within the block.

    Raises:
        DiskFullError: The disk or the user's quota is full.
        DataDirectoryError: Any other OSError.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk_full(data) from error
        raise DataDirectoryError(
            f"the data directory {data.root} cannot be used: {error}"
        ) from error


def refuse_full_disk(data: DataDirectory) -> None:
    """Check for ROOM_BYTES, since a server on a full disk waits for room and never answers.

    Raises:
        DiskFullError: Less is free.
    """
    room = os.statvfs(data.root)
    blocks = room.f_bfree if os.geteuid() == 0 else room.f_bavail
    if blocks * room.f_frsize < ROOM_BYTES:
        raise disk_full(data)


def disk_full(data: DataDirectory) -> DiskFullError:
    """The error that says where room is needed."""
    return DiskFullError(
        f"there is no room left for the server's data in {data.root}: make room, "
        "or choose another GRAPH_ORCH_DATA_DIR"
    )


def reports_full_disk(log: str) -> bool:
    """Whether a server's log says that the disk or the user's quota is full."""
    return "No space left" in log or "quota exceeded" in log


def start_error(data: DataDirectory, *, ended: bool) -> EmbeddedServerError:
    """The error for a start that failed, by what the server's log says.

    Args:
        ended: Whether the server ended; otherwise it ran and did not answer in time.
    """
    log = data.console()
    if "already in use" in log and "bolt" in log.lower():
        return PortInUseError("another process took the server's port meanwhile; try again")
    if reports_full_disk(log):
        return disk_full(data)
    if "store_lock" in log or "lock file has been locked" in log:
        return DataDirectoryError(
            f"another server uses the data in {data.root}; stop that server first"
        )
    what = "ended at once" if ended else "did not answer in time"
    return ServerStartError(
        f"the embedded server {what}; its log {data.console_path} ends with: "
        + (" | ".join(log.strip().splitlines()[-3:]) or "nothing")
    )
