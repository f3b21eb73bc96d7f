"""Three pictures: survival against the strength of faults, performance profiles, and what goes along with it."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from liquidjax.experiments.control import smoothness, summary
from liquidjax.experiments.control.config import ControlConfig
from liquidjax.experiments.control.designs import FAULTY
from liquidjax.experiments.control.study import Pair
from liquidjax.experiments.shared.statistics import interquartile_mean, profile
from liquidjax.plots.style import BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY, plain_log_axis, tidy

LINES = (
    ("LTC-NCP", BLUE, "-"),
    ("HasaniLTC", SKY, "-"),
    ("CT-RNN", GREEN, "-"),
    ("CfC", PINK, "-"),
    ("LSTM with dt", RED, "-"),
    ("GRU", ORANGE, "-"),
    ("GRU-D", ORANGE, "--"),
    ("T-LSTM", RED, "--"),
    ("leaky + MLP", GREY, "-"),
    ("leaky integrator", GREY, "--"),
)
"""(design, colour, dashes) of those that are drawn, where they are finished; beside them the engineers, in black."""
AXES = {
    "rate": "frames in a second, 1 = as trained",
    "delay": "delay, frames",
    "jitter": "jitter, share of the gap",
    "noise": "noise, units of the task",
    "lost": "share of frames lost",
    "bursts": "share of frames lost in bursts",
}


def all_of(config: ControlConfig, pairs: Sequence[Pair]) -> dict[str, Figure]:
    """The pictures by their names, of what was driven and is finished."""
    figures = {}
    own = [task for task in config.tasks if task in summary.falling(pairs)]
    if own and summary.faults(pairs, own):
        figures["faults"] = _faults(pairs, own[0])
        figures["profiles"] = _profiles(config, pairs, own)
    if smoothness.runs(pairs):
        figures["smoothness"] = _smoothness(pairs)
    return figures


def plot_levels(pairs: Sequence[Pair], task: str, family: str, ends: str, ax: Axes) -> Axes:
    """Draws the survival of each design over the levels of a fault, its interval as a band.

    Args:
        pairs: what is finished.
        task: of one of these tasks.
        family: the fault, of `AXES`.
        ends: the end of the names of designs, "" or `FAULTY`.
        ax: where to draw.

    Returns:
        ax.
    """
    told = {pair.design: pair.survival["told"] for pair in pairs if pair.task == task}
    some = next(iter(told.values()))
    levels = {float(name.split()[1]): name for name in some if name.split()[0] == family}
    levels[1.0 if family == "rate" else 0.0] = "clean 1"
    levels = dict(sorted(levels.items()))
    for name, colour, dashes in LINES:
        if name + ends in told:
            found = [interquartile_mean([np.array(told[name + ends][each])]) for each in levels.values()]
            ax.plot(list(levels), [each.value for each in found], dashes, color=colour, marker="o", ms=3, label=name)
            low, high = (np.clip([getattr(each, end) for each in found], 0, 1) for end in ("low", "high"))
            ax.fill_between(list(levels), low, high, color=colour, alpha=0.12, linewidth=0)
    for name, dashes in (("expert", ":"), ("Kalman + expert", "-.")):
        if name in told:
            shares = [np.mean(told[name][each]) for each in levels.values()]
            ax.plot(list(levels), shares, dashes, color="black", lw=1, label=name)
    if family == "rate":
        ax.set_xscale("log", base=2)
        ax.set_xticks(list(levels), [f"{level:g}" for level in levels])
        ax.minorticks_off()
    ax.set(xlabel=AXES[family], ylim=(-0.03, 1.03))
    tidy(ax)
    return ax


def _faults(pairs: Sequence[Pair], task: str) -> Figure:
    """A row for each way of training, a panel for each fault."""
    told = {name.split()[0] for pair in pairs if pair.task == task for name in pair.survival["told"]}
    families = [name for name in AXES if name in told]
    designs = {pair.design for pair in pairs if pair.task == task}
    ends = [each for each in ("", FAULTY) if any(name + each in designs for name, *_ in LINES)] or [""]
    figure = Figure(figsize=(3 * max(2, len(families)) + 2, 3 * len(ends) + 0.4), dpi=100, layout="constrained")
    axes = figure.subplots(len(ends), max(1, len(families)), sharey=True, squeeze=False)
    for row, end in zip(axes, ends, strict=True):
        for family, ax in zip(families, row, strict=False):
            plot_levels(pairs, task, family, end, ax)
        row[0].set_ylabel(f"share that survives,\ntrained on {'faulty' if end else 'clean'} frames")
    figure.suptitle(task)
    _legend(figure, axes.ravel().tolist())
    return figure


def _profiles(config: ControlConfig, pairs: Sequence[Pair], tasks: Sequence[str]) -> Figure:
    """For each share of survival the share of runs above it, the mean over all faults."""
    names = summary.complete(config, pairs, tasks)
    ends = [each for each in ("", FAULTY) if any(name + each in names for name, *_ in LINES)] or [""]
    figure = Figure(figsize=(4.5 * len(ends) + 2, 4.2), dpi=100, layout="constrained")
    axes = figure.subplots(1, len(ends), sharey=True, squeeze=False)[0]
    thresholds = np.linspace(-0.01, 1, 203)
    for ax, end in zip(axes, ends, strict=True):
        for name, colour, dashes in LINES:
            if name + end in names:
                found = summary.values(pairs, name + end, "told", summary.faults(pairs, tasks), "survival", tasks)
                ax.plot(thresholds, profile(found, thresholds), dashes, color=colour, label=name)
        ax.set(title=f"trained on {'faulty' if end else 'clean'} frames", xlabel="survival, mean over all faults")
        tidy(ax)
    axes[0].set_ylabel("share of runs above it")
    _legend(figure, axes.tolist())
    return figure


def _smoothness(pairs: Sequence[Pair]) -> Figure:
    """Each run a point: survival of faults against error and activity."""
    figure = Figure(figsize=(10.5, 4.2), dpi=100, layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    found = smoothness.runs(pairs)
    for ax, column, label in zip(
        axes,
        ("imitation", "activity"),
        (
            "error of the imitation, variances of the expert's actions",
            "activity: limits a second that the action moves",
        ),
        strict=True,
    ):
        for name, colour, dashes in LINES:
            own = [run for run in found if run.design == name]
            if own:
                numbers = [max(getattr(run, column), 1e-6) for run in own]
                robust = [run.robust for run in own]
                ax.scatter(numbers, robust, s=16, color=colour, marker="o" if dashes == "-" else "x", label=name)
        ax.set(xscale="log", xlabel=label, ylim=(-0.03, 1.03))
        plain_log_axis(ax.xaxis)
        tidy(ax)
    axes[0].set_ylabel(f"survives {', '.join(smoothness.FAULTS)}")
    _legend(figure, list(axes))
    return figure


def _legend(figure: Figure, axes: Sequence[Axes]) -> None:
    """One for all panels, beside them."""
    found = {}
    for ax in axes:
        handles, labels = ax.get_legend_handles_labels()
        found |= dict(zip(labels, handles, strict=True))
    if found:
        figure.legend(found.values(), found.keys(), loc="outside right center", frameon=False)
