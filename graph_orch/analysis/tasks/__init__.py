"""Graphs of tasks: order, critical paths, schedules, cycles, why a task waits, what it holds up."""
