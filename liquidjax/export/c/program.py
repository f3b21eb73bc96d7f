"""The C text of a model as it grows: constants, functions, and those of `functions.py` that they call."""

import math
import re
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import jax
import numpy as np

from liquidjax._types import Cell, Params
from liquidjax.export.c.functions import FUNCTIONS

_WORD = re.compile(
    r"(?P<comment>/\*.*?\*/)|\b(?P<name>NAME)_|\b(?P<real>REAL)\b|\b(?P<largest>LARGEST)\b"
    r"|\b(?P<math>exp|expm1|log|log1p|tanh|erfc|fabs|sqrt)(?=\()|(?<![\w.])(?P<number>\d+\.\d+)(?![\w.])",
    re.DOTALL,
)
_WIDTH = 110
_INDEX = ((2**8, "unsigned char"), (2**16, "unsigned short"), (2**32, "unsigned long"))


@dataclass
class Program:
    """What has been said so far.

    Text is C with four words of its own: `NAME_` begins every name of the file, `REAL` is its type of number, `LARGEST`
    the largest of them, and `$word` is for the values that `add` is given. Numbers such as 0.5 and functions of
    <math.h> become those of the type, so that in float nothing is computed in double unseen.

    Args:
        name: what every name in C begins with.
        dtype: "float32" or "float64".
        emit: adds the function `NAME_place` of a cell, void (REAL *state, const REAL *inputs, REAL dt, REAL *outputs),
            which outputs may not overlap: (program, place, cell, params).
        parts, shared: the text so far.
        largest_index: in an array of places or counts.
        sensed: how many numbers a cell with coefficients senses, by its place in the names.
    """

    language: ClassVar[str] = "C"
    functions: ClassVar[dict[str, str]] = FUNCTIONS
    name: str
    dtype: str
    emit: Callable[["Program", str, Cell, Params], None]
    parts: list[str] = field(default_factory=list)
    shared: dict[str, str] = field(default_factory=dict)
    largest_index: int = -1
    sensed: dict[str, int] = field(default_factory=dict)

    def add(self, text: str, **values: Any) -> None:
        """A function, or another piece of C, behind what is there."""
        text = string.Template(text).substitute(values)
        self._share(text)
        self.parts.append(self.spelled(text).strip("\n"))

    def numbers(self, name: str, values: Any, gaps: bool = False) -> None:
        """A constant array `NAME_name` of numbers, in the order of its memory; with `gaps` some may be NaN.

        Raises:
            ValueError: one of them is not finite in the type.
        """
        with np.errstate(over="ignore"):
            array = np.asarray(values, float).astype(self.dtype).ravel()
        bad = ~np.isfinite(array) & ~(gaps & np.isnan(array))
        if bad.any():
            given = np.asarray(values, float).ravel()[bad][0]
            raise ValueError(f"{name} must be finite in {self.dtype} to be exported to {self.language}, got {given:g}")
        self._array("REAL", name, [self.number(value) for value in array])

    def integers(self, name: str, values: Any) -> None:
        """A constant array `NAME_name` of places or counts."""
        self.largest_index = max(self.largest_index, *(int(value) for value in values))
        self._array("NAME_index", name, [str(int(value)) for value in values])

    def number(self, value: Any) -> str:
        """A number as C reads it back to the bit."""
        if np.isnan(value):
            return f"({self.name}_real)NAN"
        text = f"{value:.9g}" if self.dtype == "float32" else f"{value:.17g}"
        text += "" if "." in text or "e" in text else ".0"
        return text + ("f" if self.dtype == "float32" else "")

    def spelled(self, text: str) -> str:
        """Text with the names and the type of this file."""
        single = "f" if self.dtype == "float32" else ""

        def word(found: re.Match[str]) -> str:
            kind = found.lastgroup
            if kind == "comment":
                return found[0].replace("NAME_", f"{self.name}_")
            if kind == "largest":
                return "FLT_MAX" if single else "DBL_MAX"
            return {"name": f"{self.name}_", "real": f"{self.name}_real"}.get(kind or "", found[0] + single)

        return _WORD.sub(word, text)

    def text(self) -> str:
        """Everything, what is shared first."""
        index = next(kind for limit, kind in _INDEX if self.largest_index < limit)
        declared = [self.spelled(f"typedef {index} NAME_index;")] if self.largest_index >= 0 else []
        return "\n\n".join([*declared, *self.shared.values(), *self.parts])

    def _array(self, kind: str, name: str, values: list[str]) -> None:
        lines = in_lines(values)
        head = self.spelled(f"static const {kind} NAME_{name}[{len(values)}] = {{")
        self.parts.append("\n".join([head, *lines, "};"]))

    def _share(self, text: str) -> None:
        for name in re.findall(r"\bNAME_(\w+)", text):
            if name in self.functions and name not in self.shared:
                function = self.functions[name]
                self._share(function.replace(f"NAME_{name}(", "", 1))  # not itself, which its text names too
                self.shared[name] = self.spelled(function).strip("\n")


def in_lines(values: Sequence[str]) -> list[str]:
    """Values with commas behind them, in lines that are not too long."""
    lines, line = [], "   "
    for value in values:
        if len(line) + len(value) + 2 > _WIDTH:
            lines.append(line)
            line = "   "
        line += f" {value},"
    return [*lines, line]


def state_size(cell: Cell) -> int:
    """How many numbers the state of a cell is."""
    leaves = jax.tree.leaves(jax.eval_shape(lambda: cell.initial_state((), float)))
    return sum(math.prod(leaf.shape) for leaf in leaves)
