"""Adjoint against backpropagation: memory, time and error of the gradient, by every method, measured."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from liquidjax import _files
from liquidjax.experiments.gradient_memory import report as memory_report
from liquidjax.experiments.gradient_memory.sweep import MemoryConfig, Result, Show, measure_all
from liquidjax.experiments.shared import configuration as configs
from liquidjax.experiments.shared.run_folder import begin, mark_interrupted


def run(
    config: MemoryConfig,
    folder: Path,
    show: Show = lambda text: None,
    stop: Callable[[], bool] = lambda: False,
) -> Result:
    """Measures everything, each point in a fresh process, and writes the run folder.

    The folder gets config.yaml (every setting), results.json (every number), report.md (the tables), memory.png,
    time.png and adjoint_error.png. What is only compiled is done on all cores at a time; what is timed, alone. Where
    `stop` ended it, results.json holds what was measured, interrupted.txt says so, and there are no tables or pictures.

    Args:
        config: what to measure.
        folder: where to write; it may exist if it is empty.
        show: called whenever something has been measured, and while that takes long.
        stop: asked several times a second; when it says True, the measurements end there.

    Returns:
        The measurements, as far as they came.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: the folder is not empty.
        ChildProcessError: a measurement failed.
        FloatingPointError: the long gradient is not the one by Remat.
    """
    import liquidjax.plots  # noqa: F401  # what is not installed is noticed before the work

    begin(folder)
    _files.write_text(folder / "config.yaml", configs.to_yaml(config))
    result = measure_all(config, show, stop)
    _files.write_text(folder / "results.json", json.dumps(_plain(result), indent=1, allow_nan=False) + "\n")
    if result.interrupted:
        mark_interrupted(folder, result.interrupted)
        return result
    _files.write_text(folder / "report.md", memory_report.report(config, result))
    memory_report.draw(folder, config, result)
    return result


def _plain(value: Any) -> Any:
    """Nested dicts and lists for JSON, which has no infinity: it becomes text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    elif isinstance(value, tuple) and hasattr(value, "_asdict"):
        value = value._asdict()  # type: ignore[attr-defined]
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value
