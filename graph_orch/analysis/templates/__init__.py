"""Templates of work, mined from workflows that are finished."""
