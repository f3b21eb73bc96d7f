"""Data sets and environments: one a file."""
