"""Compiled temporary memory: what XLA says a program needs beside its arguments and results."""

from typing import Any

import jax

from quick_xla import OLDER_EMITTERS

USERS: Any = {"xla_backend_optimization_level": "3"}
if OLDER_EMITTERS:
    USERS |= {"xla_cpu_use_fusion_emitters": True, "xla_cpu_max_isa": ""}
"""What XLA does where nobody sets a flag: what is asserted of memory is promised of the programs that users compile."""


def temporary_bytes(function, *arguments) -> int:
    """Of the compiled function; arguments may be shapes. Nothing is run."""
    analysis = jax.jit(function).lower(*arguments).compile(compiler_options=USERS).memory_analysis()
    assert analysis is not None and analysis.temp_size_in_bytes > 0
    return analysis.temp_size_in_bytes
