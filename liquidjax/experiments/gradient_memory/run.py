"""The experiment: measurements in fresh processes, and the run folder around them."""

from collections.abc import Callable
from pathlib import Path

from liquidjax import _files
from liquidjax.experiments.gradient_memory import sweep
from liquidjax.experiments.gradient_memory.config import GradientMemoryConfig
from liquidjax.experiments.gradient_memory.report import report
from liquidjax.experiments.gradient_memory.sweep import Callback, Result
from liquidjax.experiments.shared.run_folder import begin, mark_interrupted, write_results


def run(
    config: GradientMemoryConfig,
    folder: Path,
    callback: Callback = lambda text: None,
    stop: Callable[[], bool] = lambda: False,
) -> Result:
    """Measures everything, each point in a fresh process, and writes the run folder.

    The folder gets config.yaml (every setting), results.json (every number), report.md (the tables), memory.png,
    time.png and adjoint_error.png. What is only compiled is done on all cores at a time; what is timed, alone. Where
    `stop` ended it, results.json holds what was measured, interrupted.txt says so, and there are no tables or pictures.

    Args:
        config: what to measure.
        folder: where to write; it may exist if it is empty.
        callback: called whenever something has been measured, and while that takes long.
        stop: asked several times a second; when it says True, the measurements end there.

    Returns:
        The measurements, as far as they came.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: the folder is not empty.
        ChildProcessError: a measurement failed.
        FloatingPointError: the long gradient is not the one by Remat.
    """
    from liquidjax.experiments.gradient_memory import figures  # with matplotlib

    begin(folder, config)
    result = sweep.measure_all(config, callback, stop)
    if result.interrupted:
        mark_interrupted(folder, result.interrupted)  # before the results: without a mark they are whole
    write_results(folder, result)
    if result.interrupted:
        return result
    _files.write_text(folder / "report.md", report(config, result))
    figures.write(folder, config, result)
    return result
