"""A step explained, for the terminal: the factors of a weight, where each is computed, and why
last digits differ."""
