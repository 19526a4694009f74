"""Webhooks by the command line, sent by `graph-orch maintain`."""

from __future__ import annotations

from tests.command_line import Cli
from tests.webhook_receiver import Receiver

ALLOW = {"GRAPH_ORCH_WEBHOOK_NETWORKS": "127.0.0.1/32"}


def test_a_webhook_from_its_first_event_to_its_last(wiped, cli: Cli) -> None:
    with Receiver() as receiver:
        secret = cli("webhook", "put", "w", receiver.url, "created:*").stdout.strip()
        receiver.secrets = [secret]
        assert "keeps its secret" in cli("webhook", "put", "w", receiver.url, "created:*").stdout
        tried = cli("webhook", "test", "w", code=1).stdout
        assert "no public address" in tried
        assert cli.json("webhook", "test", "w", **ALLOW)["delivered"] is True
        task_id = cli("task", "create", "x", "--type", "t").stdout.strip()
        receiver.answer = lambda got: 503
        assert cli.json("maintain", "--once", **ALLOW)["delivered"] == 1
        assert "503" in cli("webhook", "attempts", "w").stdout
        assert cli.json("webhook", "show", "w")["waiting"] == 1
        assert "failing" in cli("webhook", "list").stdout
        receiver.answer = lambda got: 200
        assert cli.json("webhook", "redeliver", "w") == {"name": "w", "redelivered": 1}
        assert cli.json("maintain", "--once", **ALLOW)["delivered"] == 1
        assert receiver.got[-1].event["subject"] == task_id
        assert receiver.wrong == []
        (first, second) = cli.json("webhook", "attempts", "w", "--event", receiver.got[-1].id)
        assert (first["delivered"], second["delivered"]) == (True, False)
        again = cli("webhook", "rotate", "w", "--overlap-hours", "0").stdout.strip()
        assert again.startswith("whsec_")
        assert again != secret
        for shown in (cli("webhook", "list"), cli("webhook", "show", "w"), cli("stats")):
            assert again not in shown.stdout + shown.stderr
        both = cli("webhook", "put", "w", receiver.url, "created:*", "--only-posts", code=2)
        assert "either a PATTERN or --only-posts" in both.stderr
        assert cli.json("webhook", "show", "w")["pattern"] == "created:*"
        none = cli.json("webhook", "put", "w", receiver.url, "--only-posts")
        assert (none["pattern"], none["secret"]) == ("", None)
        assert cli.json("webhook", "enable", "w")["disabled_at"] is None
        assert cli.json("webhook", "remove", "w") == {"name": "w", "removed": True}
        for command in ("show", "test", "attempts", "redeliver", "enable", "rotate", "remove"):
            assert "'w' does not exist" in cli("webhook", command, "w", code=3).stderr
        assert "user or a password" in cli("webhook", "put", "w", "http://a:b@x", code=4).stderr
