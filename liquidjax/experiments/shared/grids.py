"""Checks of what experiments list: other samplings to test at, and values to choose from."""

from collections.abc import Sequence
from typing import Any

from liquidjax._bounds import check_positive, check_share


def check_rates(rates: Sequence[float], known: Sequence[float]) -> None:
    """Raises the ValueError where one is not among those that are known."""
    for rate in rates:
        if rate not in known:
            raise ValueError(f"rates must be some of {', '.join(map(repr, known))}, got {rate}")


def check_losses(lost: Sequence[float], burst: float) -> None:
    """Raises the ValueError where a share cannot be lost in bursts of that mean length."""
    check_positive("burst", burst)
    for share in lost:
        check_share("lost", share, 0, 1)
        if not 0 < share < 1 or burst < max(1, share / (1 - share)):
            raise ValueError(
                f"lost must be above 0 and below 1, and burst at least 1 and lost / (1 - lost), got lost {share} "
                f"and burst {burst}"
            )


def check_different(settings: Any, *names: str) -> None:
    """Raises the ValueError where a list of settings has a number twice."""
    for name in names:
        if len(set(getattr(settings, name))) < len(getattr(settings, name)):
            raise ValueError(f"{name} must be different numbers, got {getattr(settings, name)}")


def check_choices(settings: Any, *names: str) -> None:
    """Raises the ValueError where a list to choose from is not of 1 to 20 different numbers above 0."""
    for name in names:
        values = getattr(settings, name)
        if not values or len(values) > 20 or len(set(values)) < len(values):
            raise ValueError(f"{name} must be 1 to 20 different numbers, got {len(values)}")
        for value in values:
            check_positive(name, value)
