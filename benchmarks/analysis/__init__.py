"""Scale of the analysis: time and memory of each function, beside a floor in the same run."""
