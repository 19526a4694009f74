"""What listens: MCP, HTTP with its guard, and A2A. Adapters over the table of tools."""
