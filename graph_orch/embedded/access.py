"""How clients reach a data directory's server: its address, its account, and what they trust."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import neo4j
from neo4j.exceptions import AuthError, DriverError, Neo4jError

from graph_orch.embedded.certificate import trusting
from graph_orch.embedded.state import LOOPBACK, DataDirectory
from graph_orch.errors import DataDirectoryError
from graph_orch.files import write_private

USER = "neo4j"
POLL_SECONDS = 0.05
PASSWORD_MEND = (
    "Write back the password that this data was made with; where that is lost, choose another "
    "GRAPH_ORCH_DATA_DIR, or see docs/how-to/embedded-server.md"
)


def uri_of(port: int) -> str:
    """The Bolt URI of a port on loopback."""
    return f"bolt://{LOOPBACK}:{port}"


def driver_options(data_dir: Path | None) -> dict[str, Any]:
    """Arguments for the driver: a resolver that finds the directory's server anew for each
    connection, and the one certificate that it trusts. Empty where `data_dir` is None.
    """
    if data_dir is None:
        return {}
    data = DataDirectory(data_dir)
    data.refuse_others()
    return {"resolver": data.address, "encrypted": True, "ssl_context": trusting(data)}


def read_or_make_password(data: DataDirectory) -> str:
    """The password of the directory's server; a new directory gets a new one.

    Raises:
        DataDirectoryError: The directory has data, and its password is lost or is not text.
    """
    path = data.password_path
    try:
        password = path.read_text(encoding="utf-8").strip() if path.exists() else ""
    except UnicodeDecodeError as error:
        raise DataDirectoryError(f"{path} holds no password: {error}. {PASSWORD_MEND}") from error
    is_new = not data.accounts_path.exists()
    if not password and not is_new:
        raise DataDirectoryError(
            f"the password of the data in {data.root} is lost: {path} is "
            f"{'empty' if path.exists() else 'gone'}. {PASSWORD_MEND}"
        )
    if not password:
        password = secrets.token_urlsafe(24)
        write_private(path, password)
    if is_new:
        # The server reads its first account from this file, which has the format of `neo4j-admin
        # dbms set-initial-password`. So the default password never opens the server.
        salt = secrets.token_bytes(32)
        digest = sha256(salt + password.encode()).hexdigest()
        write_private(data.first_account_path, f"{USER}:SHA-256,{digest},{salt.hex()}:\n")
    return password


def wait_for_login(
    data: DataDirectory, password: str, seconds: float, is_alive: Callable[[], bool]
) -> int | None:
    """Wait until the server accepts the password, and return its port.

    None: it is not alive any more, or the time is up.

    Raises:
        DataDirectoryError: The server refuses the password.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and is_alive():
        record = data.record()
        if record is not None and record.port and logs_in(data, password, record.port):
            return record.port
        time.sleep(POLL_SECONDS)
    return None


def logs_in(data: DataDirectory, password: str, port: int) -> bool:
    """Whether the server accepts the password; False where it is not ready to answer.

    Raises:
        DataDirectoryError: The server refuses the password.
    """
    driver_log = logging.getLogger("neo4j")
    level = driver_log.level
    driver_log.setLevel(logging.CRITICAL)  # the driver logs errors while the server starts
    try:
        driver: Any = neo4j.GraphDatabase.driver(  # pyright: ignore[reportUnknownMemberType]
            uri_of(port), auth=(USER, password), **driver_options(data.root)
        )
        with driver, driver.session() as session:
            session.run("RETURN 1").consume()
        return True
    except AuthError as error:
        raise DataDirectoryError(
            f"the server of {data.root} refuses the password in {data.password_path}. "
            f"{PASSWORD_MEND}"
        ) from error
    except (DriverError, Neo4jError, OSError):
        return False
    finally:
        driver_log.setLevel(level)
