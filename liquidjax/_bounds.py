"""The errors for settings out of bounds, of the kind that comes from a file: also for what would take all memory."""

SMALLEST, LARGEST = 1.2e-38, 3.4e38
"""About the least and the largest number that float32 holds in full precision."""
LONGEST = 60
"""Characters of a value that an error repeats."""


def check_seed(name: str, value: int) -> None:
    """Raises the ValueError for what is no seed to numpy and JAX alike."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**32:
        raise ValueError(f"{name} must be an integer from 0 to 4294967295 (32 bits), got {shown(value)}")


def check_positive(name: str, value: float) -> None:
    """Raises the ValueError for what is no number above 0, or is 0 or infinite in float32."""
    if not _is_number(value) or not SMALLEST <= value <= LARGEST:
        raise ValueError(
            f"{name} must be above 0 and finite, got {shown(value)}; float32 holds {SMALLEST} to {LARGEST}"
        )


def check_not_negative(name: str, value: float) -> None:
    """Raises the ValueError for what is no number of at least 0, or is infinite in float32."""
    if not _is_number(value) or not 0 <= value <= LARGEST:
        raise ValueError(f"{name} must be at least 0 and finite, got {shown(value)}; float32 holds up to {LARGEST}")


def check_share(name: str, value: float, least: float, most: float) -> None:
    """Raises the ValueError for what is no number in [least, most]; NaN is none."""
    if not _is_number(value) or not least <= value <= most:
        raise ValueError(f"{name} must be in [{least:g}, {most:g}], got {shown(value)}")


def shown(value: object) -> str:
    """A value as an error repeats it: on one line, and cut where it is long.

    Example:
        >>> shown("x" * 1000)
        "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..."
    """
    text = f"an integer of {value.bit_length()} bits" if isinstance(value, int) and abs(value) > 10**40 else repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
