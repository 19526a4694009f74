"""The MCP server: the table of tools over stdio or streamable HTTP. An adapter without logic."""

from graph_orch.mcp_server.http import serve_http
from graph_orch.mcp_server.options import HttpOptions
from graph_orch.mcp_server.server import build, serve_stdio

__all__ = ["HttpOptions", "build", "serve_http", "serve_stdio"]
