"""Whether others could have put something into a directory, or could put another in its place."""

from __future__ import annotations

import os
from pathlib import Path
from stat import S_ISVTX, S_IWGRP, S_IWOTH

from graph_orch.errors import DataDirectoryError

ROOT = 0


def refuse_others(directory: Path, setting: str, owners: tuple[int, ...] | None = None) -> None:
    """Raise where a directory, something in it, or one above it is in the hands of others.

    Whoever may write into a directory can put links there, through which we would write into
    whatever we may, and can rename what is in it. Of those above, directories in which nobody
    renames what is another's (sticky, such as `/tmp`) are fine.

    Args:
        setting: The variable that names the directory, for the message.
        owners: Who may own it besides this user.

    Raises:
        DataDirectoryError: it is; says which, and what to do.
    """
    directory, us = directory.resolve(), os.geteuid()
    mend = f"or choose another {setting}"
    for path in (directory, *directory.iterdir()):
        if (owner := path.lstat().st_uid) not in (us, *(owners or ())):
            raise DataDirectoryError(
                f"{path} belongs to the user with id {owner}, and this process runs as {us}: "
                f"give it to this user (chown), {mend}"
            )
    if owners and is_open(directory):
        raise DataDirectoryError(
            f"other users may write into {directory}: close it (chmod go-w {directory}), {mend}"
        )
    for path in directory.parents:
        found = path.stat()
        if found.st_uid not in (us, ROOT):
            raise DataDirectoryError(
                f"{path} belongs to the user with id {found.st_uid}, who could put another "
                f"{directory} in the place of this one: run as that user, {mend}"
            )
        if is_open(path) and not found.st_mode & S_ISVTX:
            raise DataDirectoryError(
                f"other users may write into {path}, and could put another {directory} in the "
                f"place of this one: close it (chmod go-w {path}), {mend}"
            )


def is_open(path: Path) -> bool:
    """Whether others may write into a directory; a group of this user's own is none."""
    found = path.stat()
    by_group = found.st_mode & S_IWGRP and found.st_gid != os.getegid()
    return bool(by_group or found.st_mode & S_IWOTH)
