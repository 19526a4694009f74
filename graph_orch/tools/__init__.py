"""What the tools do: functions over the services, with typed parameters and answers."""
