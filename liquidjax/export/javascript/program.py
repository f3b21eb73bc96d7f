"""The JavaScript of a model as it grows: what the cells say in C, translated."""

import re
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from liquidjax.export.c.program import Program, in_lines
from liquidjax.export.javascript.dialect import translated
from liquidjax.export.javascript.functions import FUNCTIONS

_NAME = re.compile(r"\bNAME_")


@dataclass
class JavaScript(Program):
    """A `Program` that speaks JavaScript. Its numbers are double, as all of that language are.

    Every name within begins with `_`, so that none is that of an export or of the language.
    """

    language: ClassVar[str] = "JavaScript"
    functions: ClassVar[dict[str, str]] = FUNCTIONS

    def number(self, value: Any) -> str:
        """The shortest text that is read back to the bit."""
        return "NaN" if np.isnan(value) else repr(float(value))

    def spelled(self, text: str) -> str:
        """Text in JavaScript."""
        return _NAME.sub("_", translated(text))

    def text(self) -> str:
        """Everything, what is shared first."""
        return "\n\n".join([*self.shared.values(), *self.parts])

    def _array(self, kind: str, name: str, values: list[str]) -> None:
        made = "Float64Array" if kind == "REAL" else "Uint32Array"
        self.parts.append("\n".join([f"const _{name} = new {made}([", *in_lines(values), "]);"]))
