"""The tools that agents call: functions over the services, with typed parameters and answers."""
