"""Whether other users could plant files in a directory, or replace the directory."""

from __future__ import annotations

import os
from pathlib import Path
from stat import S_ISVTX, S_IWGRP, S_IWOTH

from graph_orch.errors import DataDirectoryError

ROOT = 0


def refuse_others(directory: Path, setting: str, owners: tuple[int, ...] | None = None) -> None:
    """Refuse a directory that other users control, by it, by what it holds, or from above it.

    A user who may write into a directory can put links there, through which this process would
    overwrite its own files, and can rename what is in it. Sticky parents, such as `/tmp`, are
    accepted, since users cannot rename each other's files there.

    Args:
        setting: The variable that names the directory, for the message.
        owners: Ids of users who may own the directory besides this user. Where they are given,
            the directory must also be closed to other writers.

    Raises:
        DataDirectoryError: Others control it; the message says which path, and what to do.
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
    """Whether others may write into a directory. This process's own group does not count."""
    found = path.stat()
    by_group = found.st_mode & S_IWGRP and found.st_gid != os.getegid()
    return bool(by_group or found.st_mode & S_IWOTH)
