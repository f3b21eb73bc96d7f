"""A module run on readings, by the Node of this machine, if there is one."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np

from liquidjax.export.comparison import Readings

LONGEST = 600
"""Seconds that it may take."""
DRIVER = """\
// Runs each series from its beginning; readings come and answers go as JSON, in which null is NaN.
import { readFileSync } from "node:fs";
import { init, step, selftest } from "./model.mjs";

const series = JSON.parse(readFileSync(0, "utf8"));
const number = (x) => (x === null ? NaN : x);
const run = (readings) => {
    let state = init(), outputs;
    return readings.map(([inputs, dt]) => {
        [state, outputs] = step(state, inputs.map(number), dt);
        return Array.from(outputs);
    });
};
const answers = series.map(run), start = performance.now();
let steps = 0;
while (performance.now() - start < 50) {
    run(series[0]);
    steps += series[0].length;
}
const microseconds = (performance.now() - start) / steps * 1000;
process.stdout.write(JSON.stringify({ answers, microseconds, selftest: selftest() }));
"""


class Ran(NamedTuple):
    """What a module answers (time, series, answers); microseconds of a step; and what its own test says."""

    answers: np.ndarray
    microseconds: float
    selftest: float


def found() -> str | None:
    """Node, or None."""
    return shutil.which("node") or shutil.which("nodejs")


def works(node: str) -> bool:
    """Whether it runs modules: what is called so may be something else, or very old."""
    try:
        return _run([node, "--input-type=module", "-e", "performance.now()"], "", None).returncode == 0
    except OSError:
        return False


def run(node: str, text: str, folder: Path, given: Readings) -> Ran:
    """Lets a module read.

    Args:
        node: its path.
        text: the module.
        folder: to write into.
        given: the readings.

    Raises:
        ValueError: it does not come to its end.
    """
    (folder / "model.mjs").write_text(text)
    (folder / "driver.mjs").write_text(DRIVER)
    series = [
        [[_plain(inputs), float(dt)] for inputs, dt in zip(features, times, strict=True)]
        for features, times in zip(given.features.swapaxes(0, 1), given.dt.T, strict=True)
    ]
    done = _run([node, "driver.mjs"], json.dumps(series, allow_nan=False), folder)
    if done.returncode:
        lines = done.stderr.splitlines()
        first = next((line for line in lines if "Error" in line), done.stderr.strip()[:200])
        raise ValueError(f"node does not run the module: {first[:200]}; please report it")
    said = json.loads(done.stdout)
    answers = np.array(said["answers"], float)  # null, which is NaN or infinity, becomes NaN
    return Ran(answers.swapaxes(0, 1), said["microseconds"], said["selftest"])


def _plain(inputs: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in inputs]


def _run(command: list[str], text: str, folder: Path | None) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command, cwd=folder, input=text, capture_output=True, text=True, timeout=LONGEST, errors="replace"
        )
    except subprocess.TimeoutExpired as error:
        raise ValueError(f"node must come to its end within {LONGEST} seconds") from error
