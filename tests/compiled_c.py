"""A C file of a model, compiled with every warning an error and called from Python."""

import ctypes
import shutil
import subprocess
from typing import Any

import numpy as np
import pytest

from liquidjax.export.c import compiler

STRICT = (
    *("-std=c99", "-pedantic", "-Werror", "-Wall", "-Wextra", "-Wshadow", "-Wcast-qual"),
    *("-Wconversion", "-Wfloat-conversion", "-Wdouble-promotion"),
)

needs_compiler = pytest.mark.skipif(compiler.found() is None, reason="there is no C compiler")
needs_cpp = pytest.mark.skipif(shutil.which("g++") is None, reason="there is no C++ compiler")


def compile_c(folder, *arguments):
    """Runs the C compiler in a folder; all that it says is in the failure."""
    done = subprocess.run([compiler.found() or "cc", *arguments], cwd=folder, capture_output=True, text=True)
    assert not done.returncode, done.stderr[:3000]


class Loaded:
    """The functions of a C file, for one series."""

    def __init__(self, text, folder, dtype: Any, name="model"):
        file = f"{len(list(folder.iterdir()))}.c"  # a library of an old name would not be loaded anew
        (folder / file).write_text(text)
        compile_c(folder, *STRICT, "-O1", "-shared", "-fPIC", file, "-lm", "-o", f"{file}.so")
        self.library, self.dtype, self.name = ctypes.CDLL(str(folder / f"{file}.so")), dtype, name
        self.real = ctypes.c_float if dtype == "float32" else ctypes.c_double
        self.state = (self.real * 10_000)()
        self.reset()

    def reset(self):
        self.library[f"{self.name}_reset"](self.state)

    def step(self, inputs, dt, outputs):
        """The status; `outputs` is an array of numpy that is written into."""
        given = np.ascontiguousarray(inputs, self.dtype)
        assert outputs.dtype == given.dtype
        pointers = (ctypes.c_void_p(array.ctypes.data) for array in (given, outputs))
        first, last = pointers
        return self.library[f"{self.name}_step"](self.state, first, self.real(dt), last)

    def run(self, inputs, dt, number):
        """What it answers to a series from its beginning, (time, number)."""
        self.reset()
        answers = np.full((len(dt), number), np.nan, self.dtype)
        for step, answer in enumerate(answers):
            assert self.step(inputs[step], dt[step], answer) == 0
        return answers

    def names(self, what, number):
        """`NAME_input_names` or `NAME_output_names`, as bytes."""
        return list((ctypes.c_char_p * number).in_dll(self.library, f"{self.name}_{what}_names"))
