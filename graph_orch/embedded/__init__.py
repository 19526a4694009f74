"""A real Neo4j Community server on loopback, from registry packages: no Docker, no installed Java.

with EmbeddedNeo4j() as server:
    server.uri, server.auth
"""

from graph_orch.embedded.server import (
    EmbeddedNeo4j,
    EmbeddedStatus,
    server_status,
    start_server,
    stop_server,
)

__all__ = ["EmbeddedNeo4j", "EmbeddedStatus", "server_status", "start_server", "stop_server"]
