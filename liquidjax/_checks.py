"""The errors for options and sizes that no cell and no integrator can have."""


def check_size(name: str, value: int, least: int = 1) -> None:
    """Raises the ValueError for a size that is not an integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")


def check_choice(name: str, value: object, choices: tuple) -> None:
    """Raises the ValueError for an option that is none of `choices`."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
