"""A C file compiled and run on readings, by the compiler of this machine, if there is one."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from liquidjax.export.comparison import Readings

COMPILERS = ("cc", "gcc", "clang")
FLAGS = ("-std=c99", "-O2")
LONGEST = 600
"""Seconds that a compiler or the program may take."""
DRIVER = """\
/* driver READINGS STEPS SERIES ANSWERS: runs each series from its beginning, and prints the nanoseconds of a step. */
#define {NAME}_DECLARATIONS
#include "{file}"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{{
    const size_t width = {NAME}_INPUTS + 1;
    const long steps = argc == 5 ? atol(argv[2]) : 0, series = argc == 5 ? atol(argv[3]) : 0;
    {name}_real *readings = ({name}_real *)malloc((size_t)(steps * series) * width * sizeof({name}_real));
    {name}_real outputs[{NAME}_OUTPUTS];
    {name}_state state;
    double least = 0;
    FILE *in = argc == 5 ? fopen(argv[1], "rb") : NULL, *out = argc == 5 ? fopen(argv[4], "wb") : NULL;
    if (!readings || !in || !out)
        return 3;
    if (fread(readings, sizeof({name}_real) * width, (size_t)(steps * series), in) != (size_t)(steps * series))
        return 3;
    for (long s = 0; s < series; s++) {{
        {name}_reset(&state);
        for (long t = 0; t < steps; t++) {{
            const {name}_real *reading = readings + (size_t)(s * steps + t) * width;
            const int refused = {name}_step(&state, reading, reading[{NAME}_INPUTS], outputs);
            if (refused)
                return refused;
            if (fwrite(outputs, sizeof({name}_real), {NAME}_OUTPUTS, out) != {NAME}_OUTPUTS)
                return 3;
        }}
    }}
    for (int trial = 0; trial < 5; trial++) {{
        long done = 0;
        clock_t passed, start = clock();
        do {{
            for (long t = 0; t < steps; t++)
                {name}_step(&state, readings + (size_t)t * width, readings[(size_t)t * width + {NAME}_INPUTS], outputs);
            done += steps;
            passed = clock() - start;
        }} while (passed < CLOCKS_PER_SEC / 100);
        if (trial == 0 || (double)passed / (double)done < least)
            least = (double)passed / (double)done;
    }}
    printf("%.17g\\n", least * 1e9 / CLOCKS_PER_SEC);
    return fclose(out) == 0 && fclose(in) == 0 ? 0 : 3;
}}
"""


class Ran(NamedTuple):
    """What a compiled file answers (time, series, answers), and what it takes."""

    answers: np.ndarray
    object_bytes: int | None
    nanoseconds: float


def found() -> str | None:
    """The C compiler of this machine, or None."""
    return next(filter(None, map(shutil.which, COMPILERS)), None)


def works(compiler: str, folder: Path) -> bool:
    """Whether it makes programs that run here: a `cc` may only ask to be installed, a folder may forbid programs."""
    (folder / "nothing.c").write_text("int main(void) { return 0; }\n")
    program = folder / "nothing.exe"
    try:
        _run([compiler, "nothing.c", "-o", str(program)], folder)
        return _run([str(program)], folder).returncode == 0
    except OSError:
        return False


def run(compiler: str, source: Path, name: str, dtype: str, outputs: int, given: Readings) -> Ran:
    """Compiles a file and lets it read.

    Args:
        compiler: its path.
        source: the file, in a folder that may be written to.
        name: what every name in it begins with.
        dtype: of its numbers.
        outputs: how many numbers a step answers.
        given: the readings.

    Raises:
        ValueError: it does not compile, or the program does not come to its end.
    """
    folder, (steps, series) = source.parent, given.dt.shape
    (folder / "driver.c").write_text(DRIVER.format(name=name, NAME=name.upper(), file=source.name))
    read = np.concatenate([given.features, given.dt[..., None]], axis=-1).transpose(1, 0, 2)
    (folder / "readings.bin").write_bytes(np.ascontiguousarray(read, dtype).tobytes())
    libraries = () if sys.platform == "win32" else ("-lm",)
    for command in (
        [compiler, *FLAGS, "-c", source.name, "-o", "model.o"],
        [compiler, *FLAGS, "driver.c", "model.o", *libraries, "-o", "driver.exe"],
    ):
        done = _run(command, folder)
        if done.returncode:
            first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip()[:200])
            raise ValueError(f"{Path(compiler).name} does not compile the file: {first}; please report it")
    done = _run([str(folder / "driver.exe"), "readings.bin", str(steps), str(series), "answers.bin"], folder)
    if done.returncode:
        raise ValueError(f"the compiled file does not run on this machine: it ended with status {done.returncode}")
    answers = np.frombuffer((folder / "answers.bin").read_bytes(), dtype).reshape(series, steps, outputs)
    return Ran(answers.transpose(1, 0, 2), _object_bytes(folder), float(done.stdout))


def _object_bytes(folder: Path) -> int | None:
    """Of code and constants, as `size` has them; None where there is none, or one that says it in other words."""
    size = shutil.which("size")
    lines = _run([size, "model.o"], folder).stdout.split("\n") if size else []
    if len(lines) < 2 or lines[0].split()[:2] != ["text", "data"]:
        return None
    return sum(map(int, lines[1].split()[:2]))


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LONGEST, errors="replace")
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"{Path(command[0]).name} must come to its end within {LONGEST} seconds") from error
