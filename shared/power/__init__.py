"""How well faults are found: by this harness, and by the rules of other tools on the same runs."""
