"""Files with what the store holds: for this user's eyes only, whole or not at all, of limited size.

A file is written beside its name and then takes the place of what was there, so that nobody reads
half of it, and so that its mode is 0600 whatever was there. A link is refused: whoever may write
into a directory could put one there, and so choose what is overwritten. What is no file, such as
`/dev/stdout`, a character device or a pipe of this user's, is written into as it is.
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
from typing import BinaryIO, Literal, NoReturn, TextIO, cast
from uuid import uuid4

from graph_orch.errors import ValidationError

Name = str | os.PathLike[str]

MOST_READ = 16_000_000
"""Bytes of what a command reads: a value of 1 MB takes six of them where JSON escapes it all."""
_OWN_END = re.compile(r"/dev/(stdout|stderr|fd/\d+)|/proc/self/fd/\d+")
"""Links to what this process has open already."""


@contextmanager
def replacing(path: Name) -> Generator[BinaryIO]:
    """A file to be written, which takes the place of `path` when the block ends well.

    Raises:
        OSError: it cannot be written, or `path` is a link.
    """
    target = Path(path)
    if (stream := _stream(target, "wb")) is not None:
        with stream:
            yield stream
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
    if (stream := _stream(target, "ab")) is not None:
        with io.TextIOWrapper(stream, encoding="utf-8") as file:
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


def _stream(path: Path, mode: Literal["wb", "ab"]) -> BinaryIO | None:
    """What is written into as it is, open; None where a file is or will be.

    Raises:
        OSError: there is a link, a socket, or somebody else's pipe.
    """
    if _OWN_END.fullmatch(str(path)):
        return path.open(mode)
    try:
        found = path.lstat()
    except OSError:  # nothing is there; or whoever opens it will be told why not
        return None
    if not _is_stream(found, path):
        return None
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NOCTTY)
    try:
        # Whoever may write into the directory could have put something else there in between.
        if not _is_stream(os.fstat(descriptor), path):
            raise PermissionError(errno.EPERM, "a file was put in the place of a pipe", str(path))
        return os.fdopen(descriptor, "wb")
    except BaseException:
        os.close(descriptor)
        raise


def _is_stream(found: os.stat_result, path: Path) -> bool:
    """Whether what was found is written into as it is, and is no file or directory."""
    mode = found.st_mode
    if stat.S_ISLNK(mode):
        raise OSError(
            errno.ELOOP, "it is a symbolic link, which is not followed; name the file", str(path)
        )
    if stat.S_ISFIFO(mode) and found.st_uid not in (0, os.geteuid()):
        raise PermissionError(errno.EPERM, "it is somebody else's pipe", str(path))
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return False
    if not (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
        raise PermissionError(
            errno.EPERM, "it is a socket or a disk, which is not written; name a file", str(path)
        )
    return True


def _created(made: Path, target: Path) -> BinaryIO:
    try:
        return os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except OSError as error:
        _refuse(error, target)


def _refuse(error: OSError, target: Path) -> NoReturn:
    """Name the file that was asked for, and not the one beside it."""
    raise OSError(error.errno, error.strerror, str(target)) from error
