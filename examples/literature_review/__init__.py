"""A literature review by agents: what they are, what they do together, and one run of it."""
