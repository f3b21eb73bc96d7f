"""The linear-quadratic regulator: the best feedback of a linear system under a quadratic cost."""

import numpy as np

SAME = 1e-12
"""Relative change of the cost at which the iteration has arrived."""


def held(A: np.ndarray, B: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """The system over so many steps in which the action is held: (A^n, (A^(n-1) + ... + A + 1) B).

    Example:
        >>> held(np.array([[2.0]]), np.array([[1.0]]), 3)
        (array([[8.]]), array([[7.]]))
    """
    power, summed = np.eye(len(A)), np.zeros_like(B)
    for _ in range(steps):
        power, summed = A @ power, A @ summed + B
    return power, summed


def regulator(A: np.ndarray, B: np.ndarray, Q: np.ndarray, R: np.ndarray, most: int = 100_000) -> np.ndarray:
    """The gain K (actions, states) of u = -K x, which makes sum x'Qx + u'Ru least for x <- Ax + Bu.

    The discrete Riccati equation, P = Q + A'P(A - BK) with K = (R + B'PB)^-1 B'PA, by iteration from P = Q.

    Args:
        A: (states, states).
        B: (states, actions).
        Q: cost of the states, at least 0.
        R: cost of the actions, above 0.
        most: iterations.

    Raises:
        ValueError: it does not settle: the actions do not reach what grows.

    Example:
        >>> regulator(np.eye(1), np.eye(1), np.eye(1), np.eye(1)).round(4)  # the golden ratio less 1
        array([[0.618]])

    Reference:
        Anderson and Moore, "Optimal control: linear quadratic methods", 1990, chapter 2.
    """
    P = np.array(Q, float)
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(most):
            K = np.linalg.solve(R + B.T @ P @ B, B.T @ P @ A)
            found = Q + A.T @ P @ (A - B @ K)
            found = (found + found.T) / 2
            if not np.isfinite(found).all():
                break
            if np.abs(found - P).max() <= SAME * np.abs(found).max():
                return K
            P = found
    raise ValueError("the Riccati equation did not settle; the actions must reach every state that grows by itself")
