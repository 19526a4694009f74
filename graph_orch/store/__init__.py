"""How statements reach the store: their texts, calls that go together, values of the driver."""
