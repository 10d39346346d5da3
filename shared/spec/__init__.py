"""Specs: a user's own problem as a file in JSON, read with errors placed, and written."""
