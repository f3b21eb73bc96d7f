"""Experiments: one a file, each a config dataclass and a `run` that returns its result."""
