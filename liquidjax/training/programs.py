"""Compiled programs are kept for ever, and a process may map only so many pieces of memory."""

from pathlib import Path

import jax

MAPS = Path("/proc/self/maps")
MOST = Path("/proc/sys/vm/max_map_count")
SHARE = 0.5
"""Of the pieces that may be mapped; the other half is for what is compiled next."""


def forget_programs() -> bool:
    """Lets go of all programs that JAX has compiled, where they have mapped half of the memory that may be mapped.

    A program takes some 20 pieces, and on Linux a process may map 65,530: a study with some thousand programs (of two
    hundred networks, say) would end without a word when the compiler gets no more. What is used again is compiled
    again. Where nothing is known of such a limit, nothing is done.

    Returns:
        Whether they are forgotten.

    Example:
        >>> forget_programs()
        False
    """
    try:
        most, mapped = int(MOST.read_text()), MAPS.read_bytes().count(b"\n")
    except (OSError, ValueError):
        return False
    if mapped < SHARE * most:
        return False
    jax.clear_caches()
    return True
