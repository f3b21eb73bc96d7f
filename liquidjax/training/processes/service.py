"""What processes say to each other beside the computation: words by name, in the coordination service of JAX.

JAX has no public door to that service, so this is the only file that goes through its private one.
"""

from typing import Any

import jax
from jax._src import clusters, distributed

Unreachable = jax.errors.JaxRuntimeError
"""What is raised where the service does not answer."""

_FOREVER = 10**9  # milliseconds


def put(name: str, word: str) -> None:
    """Says a word under a name, in the place of the one before."""
    _client().key_value_set(name, word, allow_overwrite=True)


def found(folder: str) -> dict[str, str]:
    """All words whose names begin with a folder, such as "watch/", by the rest of the name."""
    return {name.rpartition("/")[2]: word for name, word in _client().key_value_dir_get(folder)}


def wait(name: str) -> str:
    """The word of a name, as soon as somebody has said it; that nobody does, `watch.py` finds out."""
    return _client().blocking_key_value_get(name, _FOREVER)


def detected() -> tuple[str | None, int | None, int | None]:
    """(coordinator, number, process) as JAX reads them off a cluster, such as Slurm or Open MPI; None without one."""
    return clusters.ClusterEnv.auto_detect_unset_distributed_params(None, None, None, [], None, 300)[:3]


def _client() -> Any:
    return distributed.global_state.client
