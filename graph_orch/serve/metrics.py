"""Metrics at /metrics, for Prometheus and whatever else reads its text format or OpenMetrics."""

from __future__ import annotations

from importlib.util import find_spec

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from graph_orch.serve.principals import Principal
from graph_orch.telemetry import Meter

PATH = "/metrics"


def routes(meter: Meter) -> list[Route]:
    """The route of the HTTP server for metrics; none without the extra `metrics`.

    Whoever may read events may read them. A scrape is answered from what was found in the last 5 s,
    and where the store does not answer, with the counters as they were and `graph_orch_store_up 0`.
    """
    if not find_spec("prometheus_client"):
        return []
    from graph_orch.telemetry.prometheus import exposition

    async def endpoint(request: Request) -> Response:
        principal: Principal = request.state.principal
        if why := principal.why_not("ReadEvents"):
            return PlainTextResponse(why, 403)
        await meter.look()
        text, content_type = exposition(meter, request.headers.get("accept", ""))
        headers = {"content-type": content_type, "cache-control": "no-store"}
        return Response(text, headers=headers)

    return [Route(PATH, endpoint=endpoint, methods=["GET"])]
