"""Pictures of a sweep: those of Optuna."""

import io
import warnings
from pathlib import Path
from typing import Any

from liquidjax import _files
from liquidjax.experiments.sweep.report import PICTURES

SIZE = (8.0, 4.5)
"""Inches."""


def write(folder: Path, study: Any, places: tuple[str, ...], score: str) -> list[str]:
    """Draws what can be drawn of the trials, at least two of which must be complete.

    Args:
        folder: where to write.
        study: of Optuna.
        places: of the settings.
        score: what the values are, on the axes.

    Returns:
        The names of the files.
    """
    from matplotlib import pyplot
    from matplotlib.figure import Figure
    from optuna.exceptions import ExperimentalWarning
    from optuna.visualization import matplotlib as pictures

    draw = {
        "history.png": lambda: pictures.plot_optimization_history(study, target_name=score),
        "settings.png": lambda: pictures.plot_parallel_coordinate(study, params=list(places), target_name=score),
        "importances.png": lambda: pictures.plot_param_importances(study, params=list(places), target_name=score),
    }
    drawn = []
    before = pyplot.get_backend()
    pyplot.switch_backend("agg")  # Optuna makes its figures by pyplot, which would want a window
    try:
        for name in PICTURES:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ExperimentalWarning)
                warnings.simplefilter("ignore", UserWarning)  # of a layout that is tight
                try:
                    axes = draw[name]()
                except (ValueError, RuntimeError, ZeroDivisionError):  # of importances where all values are equal
                    continue
                figure = axes.get_figure(root=True)
                assert isinstance(figure, Figure)
                if name == "settings.png":  # Optuna cuts long names; those of the sections say little
                    labels = [_shortened(label.get_text(), places) for label in axes.get_xticklabels()]
                    axes.set_xticks(axes.get_xticks(), labels)
                figure.set_size_inches(SIZE)
                picture = io.BytesIO()
                figure.savefig(picture, format="png", dpi=120, bbox_inches="tight")
            with _files.replacing(folder / name) as file:
                file.write(picture.getvalue())
            drawn.append(name)
    finally:
        pyplot.close("all")
        pyplot.switch_backend(before)
    return drawn


def _shortened(label: str, places: tuple[str, ...]) -> str:
    """The name of a setting without its section, of whatever Optuna left of it; other labels as they are."""
    meant = [place for place in places if place == label or (label[-3:] == "..." and place.startswith(label[:-3]))]
    return meant[0].rpartition(".")[2] if len(meant) == 1 else label
