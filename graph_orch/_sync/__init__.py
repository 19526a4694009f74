"""The asynchronous implementation, which people write. `_sync` is generated from it."""
