"""A consumer of events that a relay publishes."""
