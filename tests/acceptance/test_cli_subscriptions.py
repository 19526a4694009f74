"""Subscriptions by the command line."""

from __future__ import annotations

from tests.command_line import Cli


def test_who_only_looks_does_not_heed_a_replay(wiped, cypher, cli: Cli) -> None:
    cli("subscription", "put", "s", "created:*", "--after", "0")
    task_id = cli("task", "create", "x", "--type", "t").stdout.strip()
    heeds = "MATCH (s:Subscription) RETURN coalesce(s.replays, 0) = coalesce(s.heeded, 0) AS it"
    for _ in range(2):
        cli("subscription", "replay", "s", "--from", "0")
        assert task_id in cli("subscription", "read", "s").stdout
        assert not cypher(heeds)[0]["it"]
        assert task_id in cli("subscription", "read", "s", "--ack").stdout
        assert cypher(heeds)[0]["it"]
        assert cli("subscription", "read", "s").stdout == ""
