"""Bare pages of Starlette, by the HTTP server of the dashboard: `/NUMBER` has so many bytes."""

import asyncio

from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from graph_orch.serve.http import serve_http
from graph_orch.serve.options import HttpOptions


async def page(request: Request) -> HTMLResponse:
    return HTMLResponse("x" * request.path_params["size"])


asyncio.run(serve_http(HttpOptions(port=0), lambda url: [Route("/{size:int}", page)]))
