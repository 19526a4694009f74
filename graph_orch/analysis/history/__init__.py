"""What past tries teach: success, time, retries."""

from graph_orch.lazy import stubbed

__getattr__, __dir__ = stubbed(__name__, __file__)
