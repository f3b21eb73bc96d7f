"""The experiment: counts, and the run folder around them."""

from pathlib import Path

from liquidjax import _files
from liquidjax.experiments.network_sizes.config import NetworkSizesConfig
from liquidjax.experiments.network_sizes.counts import Result, count
from liquidjax.experiments.network_sizes.report import report
from liquidjax.experiments.shared.run_folder import begin, write_results


def run(config: NetworkSizesConfig, folder: Path | None = None) -> Result:
    """Builds the networks, runs each on a sequence of images, and counts them.

    Args:
        config: what to build.
        folder: where to write config.yaml, results.json, report.md and sizes.png; nothing is written when None. It may
            exist if it is empty.

    Returns:
        The counts beside those of the paper.

    Raises:
        ImportError: there is a folder, and matplotlib is not installed.
        ValueError: the folder is not empty.
        FloatingPointError: a network gave something else than one finite number for each image.
    """
    if folder is not None:
        begin(folder, config)
    result = count(config)
    if folder is not None:
        from liquidjax.experiments.network_sizes import figures  # with matplotlib

        write_results(folder, result)
        text = report(config, result)
        _files.write_text(folder / "report.md", f"# Network sizes\n\n```text\n{text}\n```\n")
        figures.write(folder / "sizes.png", result)
    return result
