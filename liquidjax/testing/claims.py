"""What the checks share: a claim that holds or ends in a sentence, and comparisons of trees of numbers."""

import copy
import dataclasses
import pickle
from typing import Any

import jax
import numpy as np


def claim(holds: Any, sentence: str) -> None:
    """Raises AssertionError with the sentence where the claim does not hold."""
    if not holds:
        raise AssertionError(sentence)


def claim_same(actual: Any, expected: Any, sentence: str, tolerance: float = 1e-9) -> None:
    """Raises AssertionError where the numbers of two trees of the same structure are not the same to rounding."""
    furthest = 0.0
    for ours, theirs in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
        difference = np.abs(ours - theirs) / (1 + np.abs(theirs))
        furthest = max(furthest, float(np.max(np.where(np.isnan(difference), np.inf, difference), initial=0)))
    claim(furthest <= tolerance, f"{sentence}; they are {furthest:.2g} apart")


def check_value(thing: Any, kind: str) -> None:
    """Claims that it is a frozen dataclass that compares by its values, as a static argument of `jax.jit` must."""
    name = type(thing).__name__
    frozen = dataclasses.is_dataclass(thing) and getattr(type(thing), "__dataclass_params__").frozen  # noqa: B009
    claim(
        frozen,
        f"{name} must be a frozen dataclass (@dataclass(frozen=True)), so that jax.jit can take the {kind} "
        "as a static argument",
    )
    try:
        twin = copy.deepcopy(thing)
        equal, same_hash = twin == thing, hash(twin) == hash(thing)
    except TypeError as error:
        raise AssertionError(
            f"{name} must be hashable: {error}; use tuples for lists and numbers for arrays"
        ) from error
    claim(equal and same_hash, f"{name} must compare equal to a copy of itself, and have the same hash")
    try:
        pickled = pickle.loads(pickle.dumps(thing))
    except Exception as error:
        raise AssertionError(f"{name} must be picklable: {error}") from error
    claim(pickled == thing, f"{name} must compare equal to itself after pickling")
