"""The servers: MCP, A2A, and the HTTP server with its guard that carries both."""
