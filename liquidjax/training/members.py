"""Members of an ensemble side by side on the cores of a CPU: each trains in a thread of its own."""

import contextvars
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import jax

from liquidjax._checks import check_size

Member = TypeVar("Member")
Trained = TypeVar("Trained")


def side_by_side(
    train: Callable[[Member], Trained], members: Iterable[Member], *, threads: int | None = None
) -> list[Trained]:
    """Calls train(member) for every member, several at a time, each in a thread.

    XLA computes a step as small as those of these networks on one core, and holds no lock of Python's meanwhile: so it
    pays where there are cores to spare. Members of equal cells share one compiled program, and each computes to the bit
    what it does alone. `fit(..., members=...)` is the other way, `jax.vmap` over the parameters: for members that
    compute too little to fill a vector, such as one series each, and for accelerators, where neither has been measured.
    On a CPU, with a batch for each member, it takes 0.7 to 1.6 times as long as one member after another
    (`benchmarks/members.py`).

    Args:
        train: called once for each member. It does not see settings of JAX that were made in a `with` block around
            this call, so there must be none; one within it is its own.
        members: what the calls differ in, such as seeds or learning rates.
        threads: calls at a time; as many as this process may use cores when None.

    Returns:
        What the calls returned, in the order of the members.

    Raises:
        ValueError: threads is not an integer of at least 1, or a setting of JAX holds in this thread only.
        Exception: what a call raised. Calls that have begun are waited for, the others are not made.

    Example:
        >>> import numpy as np, liquidjax as lj
        >>> from liquidjax.tasks.dataset import SequenceDataset
        >>> from liquidjax.training.fit import fit
        >>> from liquidjax.training.objectives import Regression
        >>> cell = lj.Readout(lj.GRU(inputs=1, units=2), outputs=1)
        >>> data = SequenceDataset.of(np.ones((8, 5, 1)), targets=np.arange(8.0))
        >>> def of_seed(seed):
        ...     return fit(cell, Regression(), data, epochs=2, seed=seed)
        >>> [len(fitted.history) for fitted in side_by_side(of_seed, [0, 1, 2])]
        [2, 2, 2]
    """
    members = list(members)
    threads = cores() if threads is None else check_size("threads", threads)
    failures: list[BaseException] = []

    def call(member: Member) -> Trained:
        if failures:
            raise failures[0]
        try:
            return train(member)
        except BaseException as failure:
            failures.append(failure)
            raise

    with ThreadPoolExecutor(threads) as pool:
        _check_settings(pool.submit(_settings).result())
        # What a `with` block of numpy or of the caller has set goes along.
        calls = [pool.submit(contextvars.copy_context().run, call, member) for member in members]
        try:
            return [call.result() for call in calls]
        except BaseException as failure:  # an interrupt too, which reaches this thread only
            failures.append(failure)
            raise


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _settings() -> dict[str, Any]:
    """The settings of JAX as they hold in this thread."""
    settings = {name: getattr(jax.config, name) for name in jax.config.values if hasattr(jax.config, name)}
    return settings | {"mesh": jax.sharding.get_abstract_mesh()}


def _check_settings(elsewhere: dict[str, Any]) -> None:
    """Raises the ValueError for settings that hold in this thread and not elsewhere: float64 would become float32."""
    here = _settings()
    differing = sorted(name for name, value in here.items() if value != elsewhere.get(name, value))
    if differing:
        raise ValueError(
            f"settings of JAX must hold in every thread, but {', '.join(differing)} is set in this one only, as by a "
            "`with` block; set it within train, or by jax.config.update"
        )
