"""What tasks, agents and teams are, and the rules that hold for them: pure, without any store."""
