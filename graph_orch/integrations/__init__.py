"""Agents of other frameworks as durable handlers; each module needs the extra of its name."""
