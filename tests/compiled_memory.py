"""Compiled temporary memory: what XLA says a program needs beside its arguments and results."""

import jax


def temporary_bytes(function, *arguments) -> int:
    """Of the compiled function; arguments may be shapes. Nothing is run."""
    analysis = jax.jit(function).lower(*arguments).compile().memory_analysis()
    assert analysis is not None and analysis.temp_size_in_bytes > 0
    return analysis.temp_size_in_bytes
