"""The overview: how many times as long as liquidjax the others take, setting by setting, with the goals."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator

# Okabe and Ito: colour-blind readers can tell them apart.
COLOURS = {
    "ncps torch": "#D55E00",
    "ncps torch.compile": "#E69F00",
    "ncps.keras on JAX": "#CC79A7",
    "dense JAX port": "#0072B2",
    "dense JAX port, tuned": "#0072B2",
    "liquidjax": "#999999",
    "liquidjax, not tuned": "#999999",
    "liquidjax, 2 devices": "#999999",
    "flax LSTM": "#56B4E9",
    "torch LSTM": "#009E73",
}


def draw(results: Sequence[dict[str, Any]], path: Path) -> bool:
    """Writes the picture of every setting that has a goal against a contender; False where there is none."""
    parts = [part for result in results for part in result["results"] if compared(part)]
    if not parts:
        return False
    bars = sum(len(compared(part)) for part in parts)
    figure = Figure(figsize=(10, 1.2 + 0.26 * bars + 0.55 * len(parts)), layout="constrained")
    ax = figure.subplots()
    place, names = 0.0, {}
    for part in parts:
        ax.text(
            0,
            place,
            f"{part['setting']}: {part['what'].split(' (')[0]}",
            transform=ax.get_yaxis_transform(),
            va="center",
            fontsize=9,
            fontweight="bold",
            backgroundcolor="white",
        )
        goals = {goal["contender"]: goal["wanted"] for goal in part["goals"] if goal["kind"] == "faster"}
        for row in compared(part):
            place += 1
            names[place] = row["contender"]
            ax.barh(place, row["ratio"] - 1, left=1, height=0.8, color=COLOURS[row["contender"]])
            ax.plot(row["ratio quartiles"], [place, place], color="black", linewidth=1)
            ax.text(
                1, place, f"{row['ratio']:.3g}", transform=ax.get_yaxis_transform(), ha="right", va="center", fontsize=9
            )
            if row["contender"] in goals:
                ax.plot(goals[row["contender"]], place, "D", color="black", markerfacecolor="white", zorder=3)
        place += 1.6
    ratios = [value for part in parts for row in compared(part) for value in row["ratio quartiles"]]
    wanted = [goal["wanted"] for part in parts for goal in part["goals"] if goal["kind"] == "faster"]
    ax.set(xscale="log", xlim=(min(0.5, *ratios) / 1.3, 1.8 * max(*wanted, *ratios)), ylim=(place - 0.8, -0.8))
    ax.set_yticks(list(names), list(names.values()), fontsize=9)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("times as long as the first of the table, liquidjax (median of the turns; thin lines: quartiles)")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.axvline(1, color="black", linewidth=1)
    ax.spines[["top", "right", "left"]].set_visible(False)
    goal = Line2D([], [], marker="D", color="black", markerfacecolor="white", linestyle="", label="goal")
    figure.legend(handles=[goal], loc="outside upper right", frameon=False, fontsize=9)
    figure.savefig(path, dpi=120)
    return True


def compared(part: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a part that are drawn: all but the first, where the part has a goal against one of them."""
    if not any(goal.get("kind") == "faster" for goal in part["goals"]):
        return []
    return [row for row in part["rows"][1:] if row["contender"] in COLOURS and "ratio" in row]
