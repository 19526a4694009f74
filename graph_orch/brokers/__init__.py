"""Events of the log go to message brokers, and messages of brokers become tasks or open gates.

NATS JetStream (`graph-orch[nats]`), Redis Streams (`graph-orch[redis]`) and Kafka
(`graph-orch[kafka]`), by CloudEvents 1.0; and whatever a program of yours publishes to.

    from graph_orch.brokers import publisher_of, relay

    await relay(orch, publisher_of("nats://localhost:4222/events"), "events", "completed:*")

The names are in `__init__.pyi`, each imported when it is first used.
"""

from graph_orch.lazy import stubbed

__getattr__, __dir__ = stubbed(__name__, __file__)
