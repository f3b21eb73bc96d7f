"""The overview: how many times as long as liquidjax the others take, setting by setting, with the goals."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from liquidjax.plots.style import BLUE, GREEN, LIGHT_GREY, ORANGE, PINK, RED, SKY, plain_log_axis

COLOURS = {
    "ncps torch": RED,
    "ncps torch.compile": ORANGE,
    "ncps.keras on JAX": PINK,
    "dense JAX port": BLUE,
    "dense JAX port, tuned": BLUE,
    "liquidjax": LIGHT_GREY,
    "liquidjax, not tuned": LIGHT_GREY,
    "liquidjax, 2 devices": LIGHT_GREY,
    "flax LSTM": SKY,
    "torch LSTM": GREEN,
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
    ax.set_xlabel("times as long as the first of the table, liquidjax (median of the rounds; thin lines: quartiles)")
    plain_log_axis(ax.xaxis)
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
