"""Random data sets, what makes two of them the same, and files that are nearly right."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st

from liquidjax.tasks.dataset import SequenceDataset

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=5)
TEXTS = TEXTS.filter(lambda text: text == text.strip(" \t"))
PLAIN = st.text("abc019", min_size=1, max_size=4)


@st.composite
def data_sets(draw: Callable[..., Any], names: Any = TEXTS) -> SequenceDataset:
    """A data set of up to four series, with every kind of target or none."""
    lengths = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    features = draw(st.integers(1, 3))
    gaps = st.one_of(NUMBERS, st.just(float("nan")))
    inputs = [np.array(draw(st.lists(gaps, min_size=n * features, max_size=n * features))) for n in lengths]
    times = [sorted(draw(st.sets(st.floats(-1e9, 1e9), min_size=n, max_size=n))) for n in lengths]
    chosen: dict[str, Any] = {"names": draw(st.lists(names, min_size=len(lengths), max_size=len(lengths), unique=True))}
    if draw(st.booleans()):
        chosen["groups"] = draw(st.lists(TEXTS, min_size=len(lengths), max_size=len(lengths)))
    kind = draw(st.sampled_from(["none", "class", "classes", "values", "values of steps"]))
    targets: Any = None
    if kind.startswith("class"):
        chosen["classes"] = draw(st.lists(TEXTS, min_size=1, max_size=3, unique=True))
        number = st.integers(-1, len(chosen["classes"]) - 1)
        targets = [draw(number) for _ in lengths]
        if kind == "classes":
            targets = [np.array(draw(st.lists(number, min_size=n, max_size=n))) for n in lengths]
    if kind.startswith("values"):
        outputs = draw(st.integers(1, 2))
        sizes = [(n, outputs) if kind == "values of steps" else (outputs,) for n in lengths]
        targets = [
            np.array(draw(st.lists(gaps, min_size=int(np.prod(size)), max_size=int(np.prod(size))))).reshape(size)
            for size in sizes
        ]
        targets = targets if kind == "values of steps" else np.stack(targets)
    series = [x.reshape(-1, features) for x in inputs]
    return SequenceDataset.of(series, times, targets, **chosen)


def assert_same(one: SequenceDataset, other: SequenceDataset) -> None:
    """Bit for bit, where something is; what stands in padding is nobody's."""
    for name in ("features", "classes", "outputs", "names", "groups"):
        assert getattr(one, name) == getattr(other, name), name
    assert np.array_equal(one.mask, other.mask) and np.array_equal(one.times, other.times)
    shown = [np.where(data.mask[:, :, None], data.inputs, 0) for data in (one, other)]
    assert _bits(shown[0]) == _bits(shown[1])
    assert (one.targets is None) == (other.targets is None)
    if one.targets is not None:
        assert one.targets.shape == other.targets.shape and one.targets.dtype.kind == other.targets.dtype.kind
        assert _bits(one.targets) == _bits(other.targets)


def mutations(content: bytes, count: int, seed: int) -> Iterator[bytes]:
    """The bytes with some of them changed, left out, put in, cut off, or repeated."""
    generator = np.random.default_rng(seed)
    odd = [b"\0", b"\xff", b'"', b",", b"\n", b"\r", b":", b"@", b"1e999", b"nan", b"-", b"\xef\xbb\xbf", b"\x80"]
    for _ in range(count):
        mutated = bytearray(content)
        for _ in range(generator.integers(1, 4)):
            start = int(generator.integers(0, max(len(mutated), 1)))
            length = int(generator.integers(1, 9))
            put = odd[int(generator.integers(len(odd)))]
            match generator.integers(5):
                case 0:
                    mutated[start : start + 1] = bytes([int(generator.integers(256))])
                case 1:
                    del mutated[start : start + length]
                case 2:
                    mutated[start:start] = put
                case 3:
                    del mutated[start:]
                case _:
                    mutated[start:start] = mutated[start : start + 4 * length]
        yield bytes(mutated)


def _bits(array: np.ndarray) -> bytes:
    """The bits of numbers; all NaN are one."""
    return np.where(np.isnan(array), np.nan, array).tobytes() if array.dtype.kind == "f" else array.tobytes()
