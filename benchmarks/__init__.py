"""Speed, measured side by side: every figure is a ratio to something measured in the same run."""
