"""Files with what the store holds: for this user's eyes only, whole or not at all, of limited size.

A file is written beside its name and then takes the place of what was there, so that nobody reads
half of it, and so that its mode is 0600 whatever was there. A link is refused: whoever may write
into a directory could put one there, and so choose what is overwritten. What is no file, such as
`/dev/stdout`, a device or a pipe of this user's, is written into as it is.
"""

from __future__ import annotations

import errno
import io
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NoReturn, TextIO, cast
from uuid import uuid4

from graph_orch.errors import ValidationError

Name = str | os.PathLike[str]

MOST_READ = 16_000_000
"""Bytes of what a command reads: a value of 1 MB takes six of them where JSON escapes it all."""
_OWN_ENDS = ("/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/self/fd/")
"""Links to what this process has open already."""


@contextmanager
def replacing(path: Name) -> Generator[BinaryIO]:
    """A file to be written, which takes the place of `path` when the block ends well.

    Raises:
        OSError: it cannot be written, or `path` is a link.
    """
    target = Path(path)
    if _is_stream(target):
        with target.open("wb") as file:
            yield file
        return
    with _beside(target) as file:
        yield file


def write_private(path: Path, text: str) -> None:
    """Write a file of a directory of ours, all of it or nothing; a link there is replaced by it."""
    with _beside(path) as file:
        file.write(text.encode())


@contextmanager
def _beside(target: Path) -> Generator[BinaryIO]:
    made = target.with_name(f".{uuid4().hex}.tmp")
    try:
        with _created(made, target) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        try:
            made.replace(target)
        except OSError as error:
            _refuse(error, target)
    finally:
        made.unlink(missing_ok=True)


@contextmanager
def appending(path: Name) -> Generator[TextIO]:
    """A file to which lines are added; a line that was cut off stays alone.

    Raises:
        OSError: it cannot be written, is a link, or belongs to somebody else.
    """
    target = Path(path)
    if _is_stream(target):
        with target.open("a", encoding="utf-8") as file:
            yield file
        return
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
    with os.fdopen(os.open(target, flags, 0o600), "r+b", 0) as raw:
        found = os.fstat(raw.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, "it is no file of this user's", str(target))
        os.fchmod(raw.fileno(), 0o600)
        if found.st_size and os.pread(raw.fileno(), 1, found.st_size - 1) != b"\n":
            raw.write(b"\n")
        with io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8") as file:
            yield file


def read_limited(path: Name, most: int = MOST_READ) -> bytes:
    """What a file holds, or a pipe.

    Raises:
        ValidationError: it is more than `most` bytes.
        OSError: it cannot be read.
    """
    with Path(path).open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        found = b"" if size > most else file.read(most + 1)
    if size > most or len(found) > most:
        raise ValidationError(f"{str(path)!r} holds more than {most:,} bytes, and is not read")
    return found


class Limited(io.RawIOBase):
    """What a file gives, up to so many bytes. What it decompresses counts decompressed.

    Reading further raises a ValidationError.
    """

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file = cast(io.RawIOBase, file)
        self._most = most
        self._left = most

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        number = self._file.readinto(buffer) or 0
        self._left -= number
        if self._left < 0:
            raise ValidationError(f"it holds more than {self._most:,} bytes, and is not read")
        return number


def _is_stream(path: Path) -> bool:
    """Whether there is something that is written into as it is.

    Raises:
        OSError: there is a link, or somebody else's pipe.
    """
    if str(path).startswith(_OWN_ENDS):
        return True
    try:
        found = path.lstat()
    except OSError:  # nothing is there; or whoever opens it will be told why not
        return False
    if stat.S_ISLNK(found.st_mode):
        raise OSError(
            errno.ELOOP, "it is a symbolic link, which is not followed; name the file", str(path)
        )
    if stat.S_ISFIFO(found.st_mode) and found.st_uid not in (0, os.geteuid()):
        raise PermissionError(errno.EPERM, "it is somebody else's pipe", str(path))
    return not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode))


def _created(made: Path, target: Path) -> BinaryIO:
    try:
        return os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except OSError as error:
        _refuse(error, target)


def _refuse(error: OSError, target: Path) -> NoReturn:
    """Name the file that was asked for, and not the one beside it."""
    raise OSError(error.errno, error.strerror, str(target)) from error
