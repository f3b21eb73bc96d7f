"""A moving picture of a trained network at work: cart and pole, the wiring with its states, and the time constants."""

from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.animation import PillowWriter
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import NullFormatter

from liquidjax.cells.ltc import LTC
from liquidjax.cells.ode import time_constant
from liquidjax.cells.wrappers.readout import Readout
from liquidjax.experiments.control.cartpole import CartPole
from liquidjax.experiments.control.closed_loop import watch
from liquidjax.experiments.control.controllers import NetworkController
from liquidjax.experiments.control.faults import Faults, schedule
from liquidjax.experiments.control.plant import STEP
from liquidjax.plots.style import BLUE, GREY, ORANGE, POLARITIES, RED, ROLES, tidy
from liquidjax.plots.wiring import layout
from liquidjax.training.model import Model
from liquidjax.wirings import Graph

FRAMES_A_SECOND = 12
LENGTH = 2 * 0.5
"""Of the pole, m."""


class Scene(NamedTuple):
    """What happens at each frame (frames, ...): seconds; place and angle; force; whether a frame came since the one
    before; state and time constant (s) of each neuron.
    """

    seconds: np.ndarray
    place: np.ndarray
    angle: np.ndarray
    force: np.ndarray
    came: np.ndarray
    state: np.ndarray
    constant: np.ndarray


def scene(model: Model, faults: Faults, seconds: float, seed: int = 0) -> Scene:
    """Lets a trained network balance the pole, pushed to one side at first.

    Args:
        model: a `Readout` of an LTC for the cart-pole, with its preparation.
        faults: of its sensors.
        seconds: how long.
        seed: of the faults.
    """
    plant, made = CartPole(), model.preparation
    cell = model.cell
    assert made is not None and isinstance(cell, Readout)
    controller = NetworkController(cell, made, plant.limit)
    total = round(seconds / STEP / plant.frame) * plant.frame
    asked = schedule([faults], 1, plant.frame, total, plant.noise_unit, seed)
    params = jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], model.params)
    seen = watch(plant, controller, params, np.array([-0.3, 0.09, 0.0, 0.0]), asked)
    begins = STEP * np.concatenate([[0], np.cumsum(asked.steps[:, 0])[:-1]])
    at = np.arange(0, seconds, 1 / FRAMES_A_SECOND)
    entry = np.searchsorted(begins, at + 1e-9, "right") - 1
    states = seen.states[:, 0, 0]
    inputs = (states[:, : plant.positions] - np.array(made.mean)) / np.array(made.spread)
    hidden = seen.memory.state[:, 0, 0]
    tau = np.asarray(time_constant(cell, model.params, jnp.asarray(hidden, float), jnp.asarray(inputs, float)))
    calls = np.cumsum(seen.call[:, 0])
    came = np.diff(calls[entry], prepend=0) > 0
    return Scene(
        at,
        states[entry, 0],
        states[entry, 1],
        seen.action[entry, 0, 0, 0],
        came,
        hidden[entry],
        tau[entry] * made.time_unit,
    )


def draw(model: Model, shown: Scene) -> tuple[Figure, "Painter"]:
    """The figure, and what paints a frame of it."""
    assert isinstance(model.cell, Readout) and isinstance(model.cell.cell, LTC)
    figure = Figure(figsize=(7.2, 2.9), dpi=80, layout="constrained")
    cart, wiring, constants = figure.subplots(1, 3, width_ratios=[1.25, 1.1, 0.8])
    return figure, Painter(model.cell.cell.graph, shown, cart, wiring, constants)


class Painter:
    """Holds what moves and moves it."""

    def __init__(self, graph: Graph, shown: Scene, cart: Axes, wiring: Axes, constants: Axes):
        self.shown = shown
        reach = max(0.6, float(np.abs(shown.place).max()) + 0.3)
        cart.set(xlim=(-reach, reach), ylim=(-0.3, 1.35), aspect="equal", xlabel="position, m", yticks=[])
        cart.axhline(-0.09, color=GREY, lw=1)
        self.box = Rectangle((0, 0), 0.3, 0.18, color=BLUE)
        cart.add_patch(self.box)
        (self.pole,) = cart.plot([], [], color=ORANGE, lw=4, solid_capstyle="round")
        (self.force,) = cart.plot([], [], color=RED, lw=2)
        self.text = cart.set_title("", fontsize=9)
        (self.light,) = cart.plot([0.9 * reach], [1.2], "o", color=GREY, ms=8)
        cart.text(0.78 * reach, 1.2, "frame", ha="right", va="center", fontsize=8)
        cart.spines[["top", "right", "left"]].set_visible(False)
        sensory, neurons = layout(graph)
        for synapses, sources in ((graph.sensory_synapses, sensory), (graph.synapses, neurons)):
            for source, target, polarity in zip(*synapses, strict=True):
                wiring.plot(
                    *np.stack([sources[source], neurons[target]]).T, color=POLARITIES[polarity][1], lw=0.5, alpha=0.3
                )
        wiring.scatter(*sensory.T, s=40, c=ROLES["sensory"], marker="s", zorder=3)
        largest = float(np.abs(shown.state).max()) or 1.0
        self.dots = wiring.scatter(
            *neurons.T,
            s=90,
            c=shown.state[0],
            cmap="RdBu_r",
            norm=Normalize(-largest, largest),
            edgecolors="0.3",
            zorder=4,
        )
        wiring.set_title("19 neurons" if graph.units == 19 else f"{graph.units} neurons", fontsize=9)
        wiring.set_axis_off()
        places = np.arange(graph.units)
        low, high = float(shown.constant.min()), float(shown.constant.max())
        constants.hlines(places, shown.constant.min(0), shown.constant.max(0), color="0.85", lw=4)
        (self.marks,) = constants.plot(shown.constant[0], places, "o", color=BLUE, ms=3.5)
        constants.set(xscale="log", xlim=(low / 1.3, high * 1.3), xlabel="time constant, s", yticks=[])
        constants.xaxis.set_major_formatter("{x:g}")
        constants.xaxis.set_minor_formatter(NullFormatter())
        constants.set_title("each neuron", fontsize=9)
        tidy(constants)

    def paint(self, frame: int) -> None:
        """Moves everything to where it is in a frame."""
        shown = self.shown
        place, angle, force = shown.place[frame], shown.angle[frame], shown.force[frame]
        self.box.set_xy((place - 0.15, -0.09))
        self.pole.set_data([place, place + LENGTH * np.sin(angle)], [0.09, 0.09 + LENGTH * np.cos(angle)])
        self.force.set_data([place, place + 0.1 * force], [0.0, 0.0])
        self.light.set_color(ORANGE if shown.came[frame] else "0.85")
        self.text.set_text(f"{shown.seconds[frame]:.1f} s, {np.rad2deg(angle):+.1f}°, {force:+.1f} N")
        self.dots.set_array(shown.state[frame])
        self.marks.set_xdata(shown.constant[frame])


def animate(model: Model, file: Path, faults: Faults, seconds: float = 6.0) -> Scene:
    """Writes the moving picture as a GIF.

    Args:
        model: see `scene`.
        file: where to write it.
        faults: of the sensors.
        seconds: how long.
    """
    shown = scene(model, faults, seconds)
    figure, painter = draw(model, shown)
    writer = PillowWriter(fps=FRAMES_A_SECOND)
    with writer.saving(figure, str(file), dpi=80):
        for frame in range(len(shown.seconds)):
            painter.paint(frame)
            if frame == 1:
                figure.set_layout_engine("none")  # everything has its place by now
            writer.grab_frame()
    return shown
