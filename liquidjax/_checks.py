"""What users pass in, of the right kind or refused: sizes, numbers, flags, options, arrays, keys and objects.

Those that return something return it in its plain form, so that what was built of numpy's numbers equals what was built
of Python's.
"""

import math
import operator
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

_FITTING: set[tuple[type, Any]] = set()
"""(class, kind) of objects that passed `check_kind`, because asking a protocol takes ten microseconds."""


UNRESOLVED: Any = None
"""The default of a field that construction resolves from others: None, but of any type, so that the field may say the
type that it has on every object: `outputs: int = UNRESOLVED`, and `resolve(self, outputs=self.units)`."""


def check_integer(name: str, value: Any) -> int:
    """The value as an int, or the ValueError for what is no integer; True and 2.0 are none."""
    try:
        if isinstance(value, bool):
            raise TypeError
        return operator.index(value)
    except TypeError:
        raise ValueError(f"{name} must be an integer, got {described(value)}") from None


def check_size(name: str, value: Any, least: int = 1, most: int | None = None) -> int:
    """The value as an int, or the ValueError for what is not an integer from `least` to `most`."""
    try:
        size = check_integer(name, value)
    except ValueError:
        size = None
    if size is None or size < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {described(value)}")
    if most is not None and size > most:
        raise ValueError(
            f"{name} must be at most {most}, for more would take too much time or memory; got {described(value)}"
        )
    return size


def check_number(
    name: str, value: Any, low: float = -math.inf, high: float = math.inf, *, above: bool = False
) -> float:
    """The value as a float, or the ValueError for what is no finite number in [low, high), (low, high) with `above`.

    "1", True, NaN and an array are no numbers.

    Example:
        >>> check_number("dropout", True, 0, 1)
        Traceback (most recent call last):
            ...
        ValueError: dropout must be a number in [0, 1), got True
    """
    try:
        if isinstance(value, bool | np.bool_) or np.ndim(value) or not math.isfinite(value):  # which takes no string
            raise ValueError
        number = float(value)
        if not low <= number < high or (above and number == low):
            raise ValueError
        return number
    except (TypeError, ValueError, OverflowError):
        expected = "a finite number" if low == -math.inf else f"a number in {'(' if above else '['}{low}, {high})"
        raise ValueError(f"{name} must be {expected}, got {described(value)}") from None


def check_flag(name: str, value: Any) -> bool:
    """The value as a bool, or the ValueError for anything else."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name} must be True or False, got {described(value)}")
    return bool(value)


def settle(owner: Any, check: Callable[..., Any], *names: str) -> None:
    """Puts what `check(name, value)` returns in the place of these fields of a frozen dataclass under construction."""
    put(owner, **{name: check(name, getattr(owner, name)) for name in names})


def resolve(owner: Any, **values: Any) -> None:
    """Puts these values in the place of those fields that are None of a frozen dataclass under construction."""
    put(owner, **{name: value for name, value in values.items() if getattr(owner, name) is None})


def put(owner: Any, **values: Any) -> None:
    """Sets fields of a frozen dataclass; to be called in its `__post_init__` only, before anyone can hash it."""
    for name, value in values.items():
        object.__setattr__(owner, name, value)


def check_choice(name: str, value: object, choices: tuple) -> None:
    """Raises the ValueError for an option that is none of `choices`."""
    if not any(isinstance(value, type(choice)) and value == choice for choice in choices):
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {described(value)}")


def check_kind(name: str, value: Any, kind: Any, expected: str) -> None:
    """Raises the ValueError for what is not of a kind, be it a class, a union or a protocol; a class itself is not."""
    if (type(value), kind) in _FITTING:
        return
    if isinstance(value, type) or not isinstance(value, kind):
        raise ValueError(f"{name} must be {expected}, got {described(value)}")
    _FITTING.add((type(value), kind))


def check_array(name: str, value: Any, kinds: str = "iufV", on_host: bool = False) -> Any:
    """The value as an array of JAX or numpy, or the ValueError for a dtype of another kind, and for rows that differ.

    The kinds are those of numpy, "" for any; V is that of bfloat16 and shorter ones.
    """
    try:
        ready = isinstance(value, jax.Array) and not on_host  # asarray would take six microseconds to see that
        if isinstance(value, type):  # of np.float32 by itself JAX would make an array
            raise TypeError
        with np.errstate(over="ignore"):  # what becomes infinite is for the checks of values to say
            array = value if ready else (np if on_host else jnp).asarray(value)
        if kinds and array.dtype.kind not in kinds:
            raise TypeError
        return array
    except (TypeError, ValueError, OverflowError, AttributeError):
        of = {"iufV": " of real numbers", "b": " of booleans"}.get(kinds, "")
        raise ValueError(f"{name} must be an array{of}, got {described(value)}") from None


def check_key(key: Any) -> jax.Array:
    """The key as `jax.random.key` makes it, or the ValueError for what is no single key.

    A key of `jax.random.PRNGKey` is an array of numbers, which inside the package could be taken for several keys.
    """
    try:
        if not jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
            key = jax.random.wrap_key_data(key)
        if key.shape == ():
            return key
    except (TypeError, ValueError, AttributeError):
        pass
    raise ValueError(f"key must be one key such as jax.random.key(0), got {described(key)}")


def described(value: Any) -> str:
    """How an error names what came, in a line.

    Example:
        >>> described(2.0), described(np.ones((2, 3))), described(dict), described("x" * 1000)
        ('2.0', 'an array float64 (2, 3)', 'the class dict, not an instance of it', 'a str')
    """
    if isinstance(value, type):
        return f"the class {value.__name__}, not an instance of it"
    if getattr(value, "shape", ()) != ():
        return f"an array {value.dtype} {value.shape}"
    huge = isinstance(value, int) and abs(value) > 10**40  # Python writes out no integer of thousands of digits
    text = f"an integer of {value.bit_length()} bits" if huge else repr(value)
    return text if len(text) <= 200 and "\n" not in text else f"a {type(value).__name__}"
