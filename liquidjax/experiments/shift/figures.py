"""Three pictures: scores against the rate, against the share of steps that are lost, and performance profiles."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from liquidjax.experiments.shared.statistics import interquartile_mean, profile
from liquidjax.experiments.shift import summary
from liquidjax.experiments.shift.config import ShiftConfig
from liquidjax.experiments.shift.designs import MIXED
from liquidjax.experiments.shift.study import Pair
from liquidjax.plots.style import BLUE, GREEN, GREY, ORANGE, PINK, RED, SKY, tidy

LINES = (
    ("LTC-NCP", "told", BLUE, "-"),
    ("HasaniLTC", "told", SKY, "-"),
    ("CT-RNN", "told", GREEN, "-"),
    ("CfC", "told", PINK, "-"),
    ("LSTM with dt", "told", RED, "-"),
    ("LSTM with dt", "held", RED, ":"),
    ("GRU-D", "told", ORANGE, "-"),
    ("GRU", "euler", ORANGE, "--"),
    ("leaky + MLP", "told", GREY, "-"),
    ("leaky integrator", "told", GREY, "--"),
)
"""(design, variant, colour, dashes) of those that are drawn, where they are finished."""


def all_of(config: ShiftConfig, pairs: Sequence[Pair]) -> dict[str, Figure]:
    """The pictures by their names, of what was tested and is finished."""
    designs = summary.complete(config, pairs)
    told = {name for pair in pairs for name in pair.scores["told"]}
    figures = {}
    for name, families, label in (
        ("rates", ("rate",), "steps in a unit of time, 1 = as trained"),
        ("lost", ("lost", "bursts"), "share of steps lost"),
    ):
        if any(each.split()[0] in families for each in told):
            figures[name] = _figure(pairs, designs, families, label)
    if summary.in_time(pairs):
        figures["profiles"] = _profiles(pairs, designs)
    return figures


def _figure(pairs: Sequence[Pair], designs: Sequence[str], families: Sequence[str], label: str) -> Figure:
    """A panel for each family and each way of training of which there is a design."""
    panels = [(family, mixed) for mixed in ("", MIXED) for family in families if _lines(designs, mixed)]
    columns = min(2, len(panels))
    rows = len(panels) // columns  # one family or two, each with one way of training or two
    figure = Figure(figsize=(5.5 * columns + 2.5, 4.2 * rows + 0.4), dpi=110, layout="constrained")
    axes = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel().tolist()
    for ax, (family, mixed) in zip(axes, panels, strict=True):
        levels = sorted({float(n.split()[1]) for p in pairs for n in p.scores["told"] if n.split()[0] == family})
        names = {1.0: "clean 1"} if family == "rate" else {0.0: "clean 1"}
        names |= {level: f"{family} {level:g}" for level in levels}
        plot_levels(pairs, designs, dict(sorted(names.items())), mixed, ax)
        if family == "rate":
            ax.set_xscale("log", base=2)
            ax.set_xticks(sorted(names), [f"{level:g}" for level in sorted(names)])
        how = "trained at three rates" if mixed else "trained at one rate"
        ax.set(title=f"{how}{', lost in bursts' if family == 'bursts' else ''}", xlabel=label)
    for ax in axes[::columns]:
        ax.set_ylabel("score: 0 = guess, 1 = all right")
    _legend(figure, axes)
    return figure


def plot_levels(
    pairs: Sequence[Pair], designs: Sequence[str], conditions: dict[float, str], mixed: str, ax: Axes
) -> Axes:
    """Draws the interquartile mean of each design over the levels of a condition, its interval as a band.

    Args:
        pairs: what is finished.
        designs: of those of `LINES` these are drawn.
        conditions: the name of the condition at each level, in order.
        mixed: the end of the names of designs, "" or `MIXED`.
        ax: where to draw.

    Returns:
        ax.
    """
    levels = list(conditions)
    for name, variant, colour, dashes in _lines(designs, mixed):
        given = [interquartile_mean(summary.scores(pairs, name, variant, [each])) for each in conditions.values()]
        label = summary.label(name, variant)
        ax.plot(levels, [each.value for each in given], dashes, color=colour, marker="o", markersize=3.5, label=label)
        ax.fill_between(levels, [e.low for e in given], [e.high for e in given], color=colour, alpha=0.15, linewidth=0)
    ax.set_ylim(-0.1, 1.03)
    tidy(ax)
    return ax


def _profiles(pairs: Sequence[Pair], designs: Sequence[str]) -> Figure:
    """For each score the share of runs above it, of the mean over all conditions of time."""
    panels = [mixed for mixed in ("", MIXED) if _lines(designs, mixed)]
    figure = Figure(figsize=(5.5 * len(panels) + 2.5, 4.6), dpi=110, layout="constrained")
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    thresholds = np.linspace(-0.05, 1, 211)
    for ax, mixed in zip(axes, panels, strict=True):
        for name, variant, colour, dashes in _lines(designs, mixed):
            shares = profile(summary.scores(pairs, name, variant, summary.in_time(pairs)), thresholds)
            ax.plot(thresholds, shares, dashes, color=colour, label=summary.label(name, variant))
        ax.set(title="trained at three rates" if mixed else "trained at one rate")
        ax.set_xlabel("score under other samplings, mean over all of them")
        tidy(ax)
    axes[0].set_ylabel("share of runs above it")
    _legend(figure, axes)
    return figure


def _lines(designs: Sequence[str], mixed: str) -> list[tuple[str, str, str, str]]:
    """Those of `LINES` that are finished; what a network is read as is drawn where it was trained at one rate."""
    found = [(name + mixed, variant, colour, dashes) for name, variant, colour, dashes in LINES]
    return [line for line in found if line[0] in designs and not (mixed and line[1] == "euler")]


def _legend(figure: Figure, axes: Sequence[Axes]) -> None:
    """One for all panels, beside them."""
    found = {}
    for ax in axes:
        handles, labels = ax.get_legend_handles_labels()
        found |= dict(zip(labels, handles, strict=True))
    figure.legend(found.values(), found.keys(), loc="outside right center", frameon=False)
