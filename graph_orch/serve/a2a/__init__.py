"""Agent2Agent (A2A): agent cards in and out, and the queue as an agent that takes tasks."""

from graph_orch.serve.a2a.cards import card_of, parse_card, registration, to_json
from graph_orch.serve.a2a.fetching import fetch_card
from graph_orch.serve.a2a.server import routes

__all__ = ["card_of", "fetch_card", "parse_card", "registration", "routes", "to_json"]
