"""Agents and skills: who has what, who is like whom, who is missed most."""
