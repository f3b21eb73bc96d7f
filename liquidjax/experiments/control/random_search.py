"""Augmented random search: a linear policy out of nothing but returns."""

from collections.abc import Callable

import numpy as np

Returns = Callable[[np.ndarray], np.ndarray]
"""The returns (policies,) of policies (policies, ...)."""


def search(
    returns: Returns,
    start: np.ndarray,
    iterations: int,
    directions: int,
    best: int,
    step: float,
    spread: float,
    seed: int = 0,
    callback: Callable[[int, np.ndarray, float], None] = lambda iteration, policy, found: None,
) -> np.ndarray:
    """Augmented random search, version 1 with the best directions only.

        M <- M + step / (best sigma) sum over the best directions of (r(M + spread d) - r(M - spread d)) d

    where d is Gaussian and sigma the standard deviation of the returns that are summed. The best are those with the
    largest of their two returns.

    Args:
        returns: of many policies at once.
        start: the first policy.
        iterations: how often it is changed.
        directions: that are tried for each.
        best: how many of them count.
        step: of a change.
        spread: of what is tried.
        seed: of the directions.
        callback: called after each iteration with the policy and the mean return that was found about it.

    Returns:
        The last policy.

    Example:
        >>> goal = np.array([1.0, -2.0])
        >>> found = search(lambda p: -np.sum((p - goal) ** 2, axis=-1), np.zeros(2), 200, 4, 4, 0.05, 0.05)
        >>> bool(np.abs(found - goal).max() < 0.2)
        True

    Reference:
        Mania, Guy and Recht, "Simple random search of static linear policies is competitive for reinforcement
        learning", NeurIPS 2018.
    """
    rng, policy = np.random.default_rng(seed), np.array(start, float)
    for iteration in range(iterations):
        tried = rng.normal(size=(directions, *policy.shape))
        found = returns(np.concatenate([policy + spread * tried, policy - spread * tried]))
        plus, minus = found[:directions], found[directions:]
        order = np.argsort(-np.maximum(plus, minus), kind="stable")[:best]
        sigma = max(float(np.std(np.concatenate([plus[order], minus[order]]))), 1e-8)
        policy = policy + step / (best * sigma) * np.tensordot(plus[order] - minus[order], tried[order], 1)
        callback(iteration, policy, float(found.mean()))
    return policy
