"""Communities of agents, and how far two divisions agree."""
