"""Files that hold the store's data: private, written whole or not at all, read up to a limit.

A file is written under a temporary name in the same directory and then renamed, so that nobody
reads half of it, and so that its mode is 0600 whatever was there before. Symbolic links are
refused: another user who may write into the directory could choose by a link what is overwritten.
A character device, a pipe of this user's, and `/dev/stdout` and its like are written directly.
"""

from __future__ import annotations

import errno
import io
import os
import re
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal, TextIO, cast
from uuid import uuid4

from graph_orch.errors import ValidationError

Name = str | os.PathLike[str]

MOST_READ = 16_000_000
"""Bytes that a command reads: a value of 1 MB takes six of them where JSON escapes it all."""
_OPEN_DESCRIPTOR = re.compile(r"/dev/(stdout|stderr|fd/\d+)|/proc/self/fd/\d+")
"""Links to files that this process has open already."""


@contextmanager
def replacing(path: Name) -> Generator[BinaryIO]:
    """Open a file for writing, which replaces `path` when the block ends without an error.

    Raises:
        OSError: The file cannot be written, or `path` is a symbolic link.
    """
    target = Path(path)
    if (stream := _stream(target, "wb")) is not None:
        with stream:
            yield stream
        return
    with _beside(target) as file:
        yield file


def write_private(path: Path, text: str) -> None:
    """Write a file into a directory of our own, whole or not at all; it replaces a link there."""
    with _beside(path) as file:
        file.write(text.encode())


@contextmanager
def _beside(target: Path) -> Generator[BinaryIO]:
    """Open a temporary file, which becomes `target` when the block ends without an error."""
    temporary = target.with_name(f".{uuid4().hex}.tmp")
    try:
        with _errors_name(target):
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with _errors_name(target):
            temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _errors_name(target: Path) -> Generator[None]:
    """Make an OSError name the file that the caller asked for, not the temporary one."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from error


@contextmanager
def appending(path: Name) -> Generator[TextIO]:
    """Open a file for appending lines; after a last line that was cut off, a new one begins.

    Raises:
        OSError: The file cannot be written, is a symbolic link, or belongs to another user.
    """
    target = Path(path)
    if (stream := _stream(target, "ab")) is not None:
        with io.TextIOWrapper(stream, encoding="utf-8") as file:
            yield file
        return
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
    with os.fdopen(os.open(target, flags, 0o600), "r+b", 0) as raw:
        found = os.fstat(raw.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, "it is not a file of this user's", str(target))
        os.fchmod(raw.fileno(), 0o600)
        if found.st_size and os.pread(raw.fileno(), 1, found.st_size - 1) != b"\n":
            raw.write(b"\n")
        with io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8") as file:
            yield file


def read_limited(path: Name, most: int = MOST_READ) -> bytes:
    """The bytes of a file or a pipe.

    Raises:
        ValidationError: They are more than `most`.
        OSError: The file cannot be read.
    """
    with Path(path).open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        found = b"" if size > most else file.read(most + 1)
    if size > most or len(found) > most:
        raise ValidationError(f"{str(path)!r} holds more than {most:,} bytes, and is not read")
    return found


class Limited(io.RawIOBase):
    """A stream of which at most `most` bytes can be read; reading further raises ValidationError.

    Around a decompressing stream it counts the decompressed bytes.
    """

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file = cast(io.RawIOBase, file)
        self._most = most
        self._left = most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        count = self._file.readinto(buffer) or 0
        self._left -= count
        if self._left < 0:
            raise ValidationError(f"it holds more than {self._most:,} bytes, and is not read")
        return count


def _stream(path: Path, mode: Literal["wb", "ab"]) -> BinaryIO | None:
    """Open a device or a pipe, which is written directly; None for a file, or where nothing is.

    Raises:
        OSError: The path is a symbolic link, a socket, a disk, or another user's pipe.
    """
    if _OPEN_DESCRIPTOR.fullmatch(str(path)):
        return path.open(mode)
    try:
        found = path.lstat()
    except OSError:  # nothing is there, or opening it as a file will raise the same error
        return None
    if not _is_stream(found, path):
        return None
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NOCTTY)
    try:
        # Another user who may write into the directory could have replaced the pipe in between.
        if not _is_stream(os.fstat(descriptor), path):
            raise PermissionError(errno.EPERM, "a file was put in the place of a pipe", str(path))
        return os.fdopen(descriptor, "wb")
    except BaseException:
        os.close(descriptor)
        raise


def _is_stream(found: os.stat_result, path: Path) -> bool:
    """Whether a path is a device or a pipe that may be written directly; False for files.

    Raises:
        OSError: The path is neither, and must not be written.
    """
    mode = found.st_mode
    if stat.S_ISLNK(mode):
        raise OSError(
            errno.ELOOP, "it is a symbolic link, which is not followed; name the file", str(path)
        )
    if stat.S_ISFIFO(mode) and found.st_uid not in (0, os.geteuid()):
        raise PermissionError(errno.EPERM, "it is another user's pipe", str(path))
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return False
    if not (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
        raise PermissionError(
            errno.EPERM, "it is a socket or a disk, which is not written; name a file", str(path)
        )
    return True
