"""The dashboard: pages over the services, live, and forms that call the tools."""

from graph_orch.serve.web.app import routes, to_login

__all__ = ["routes", "to_login"]
