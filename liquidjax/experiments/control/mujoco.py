"""Two of gymnasium's MuJoCo tasks with hidden velocities, stepped by MuJoCo's own physics, many side by side.

Only the files of the models come from gymnasium: a frame may come at any step of physics, where an environment of its
takes some steps for each. The physics are those of the environment (`tests/experiments/test_control_mujoco.py`).
"""

import json
import threading
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from liquidjax.experiments.control.plant import STEP, Linear, Moved, balancing, constant_velocity

SWIMMER_EXPERT = Path(__file__).with_name("swimmer.json")
"""What `benchmarks/swimmer_expert.py` found."""
DIFFERENCE = 1e-5
"""Of a position, a velocity or an action, where derivatives are taken."""


class Simulated:
    """What both have in common: states (..., 1 + 2 joints) are MuJoCo's time, positions and velocities of joints.

    Args:
        file: of the model, among those of gymnasium.

    Raises:
        ImportError: gymnasium or mujoco is not installed.
        ValueError: the physics do not have steps of `STEP` seconds.
    """

    frame: ClassVar[int]
    traced: ClassVar[bool] = False

    def __init__(self, file: str):
        import gymnasium
        import mujoco

        simulator: Any = mujoco  # whose types are not declared
        folder = Path(gymnasium.__file__).parent / "envs" / "mujoco" / "assets"
        self.model = simulator.MjModel.from_xml_path(str(folder / file))
        if abs(self.model.opt.timestep - STEP) > 1e-9 or self.model.na:
            raise ValueError(f"{file} must have steps of {STEP} s and no states beside its joints")
        self.joints = self.model.nq
        self._own = threading.local()

    def moved(self, states: np.ndarray, actions: np.ndarray, steps: int) -> np.ndarray:
        """The states (rows, steps, states) after each of so many steps with the action (rows, actions) held."""
        import mujoco
        from mujoco import rollout

        simulator: Any = mujoco
        if not hasattr(self._own, "data"):
            self._own.data = simulator.MjData(self.model)  # one for each thread
        held = np.repeat(actions[:, None].astype(float), steps, axis=1)
        found, _ = rollout.rollout(self.model, self._own.data, states, held, skip_checks=False)
        return np.asarray(found)

    def advance(self, states: np.ndarray, actions: Any, alive: np.ndarray, steps: Any) -> Moved:
        """See `Plant`."""
        shape = alive.shape
        new = states.reshape(-1, states.shape[-1]).copy()
        acted = np.broadcast_to(np.asarray(actions, float), (*shape, self.model.nu)).reshape(len(new), -1)
        living, asked = alive.ravel().copy(), np.broadcast_to(np.asarray(steps), shape).ravel()
        cost, lived = np.zeros(len(new)), np.zeros(len(new), int)
        for count in range(1, self.frame + 1):
            rows = np.flatnonzero(living & (asked == count))
            if not len(rows):
                continue
            found = self.moved(new[rows], acted[rows], count)
            fell = self.fell(found)
            last = np.where(fell.any(1), fell.argmax(1), count - 1)
            before = np.concatenate([new[rows, None], found[:, :-1]], axis=1)
            taken = np.arange(count) <= last[:, None]
            cost[rows] = np.sum(np.where(taken, self.cost(before, found, acted[rows, None]), 0), axis=1)
            new[rows] = found[np.arange(len(rows)), last]
            living[rows], lived[rows] = ~fell.any(1), last + 1
        return Moved(new.reshape(states.shape), living.reshape(shape), cost.reshape(shape), lived.reshape(shape))

    def fell(self, states: np.ndarray) -> np.ndarray:
        """Whether a state (..., states) is a fall, bool (...)."""
        return np.zeros(states.shape[:-1], bool)

    def cost(self, before: np.ndarray, after: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Of a step of physics (...)."""
        raise NotImplementedError

    def at(self, positions: np.ndarray, velocities: np.ndarray) -> np.ndarray:
        """The states at the beginning of an episode."""
        return np.concatenate([np.zeros((len(positions), 1)), positions, velocities], axis=1)


class DoublePendulum(Simulated):
    """InvertedDoublePendulum-v5: two poles, one on the other, on a cart; it falls where the tip is below one metre.

    Positions: of the cart, angle of the first pole, angle of the second against the first.
    """

    name: ClassVar[str] = "double pendulum"
    frame: ClassVar[int] = 2
    positions: ClassVar[int] = 3
    actions: ClassVar[int] = 1
    limit: ClassVar[float] = 1.0
    features: ClassVar[tuple[str, ...]] = ("position", "first angle", "second angle")
    noise_unit: ClassVar[tuple[float, ...]] = (0.05, 0.025, 0.025)
    exploration: ClassVar[float] = 0.1
    falls: ClassVar[bool] = True
    fallen: ClassVar[float] = 10.0
    state_cost: ClassVar[np.ndarray] = np.diag([1.0, 20.0, 20.0, 0.1, 0.1, 0.1])
    action_cost: ClassVar[np.ndarray] = np.diag([1.0])

    def __init__(self):
        super().__init__("inverted_double_pendulum.xml")
        self._linear = self._derivatives()
        self._expert = balancing(*self._linear, self.state_cost, self.action_cost, self.frame)

    def starts(self, number: int, seed: int) -> np.ndarray:
        """See `Plant`: as the environment begins, with angles and velocities up to 0.05."""
        drawn = np.random.default_rng(seed).uniform(-1, 1, (number, 6)) * [0.1, 0.05, 0.05, 0.05, 0.05, 0.05]
        return self.at(drawn[:, :3], drawn[:, 3:])

    def full(self, states: np.ndarray) -> np.ndarray:
        """See `Plant`."""
        return states[..., 1:]

    def fell(self, states: np.ndarray) -> np.ndarray:
        return 0.6 * np.cos(states[..., 2]) + 0.6 * np.cos(states[..., 2] + states[..., 3]) <= 1

    def cost(self, before: np.ndarray, after: np.ndarray, actions: np.ndarray) -> np.ndarray:
        return STEP * (before[..., 1:] ** 2 @ np.diag(self.state_cost) + actions[..., 0] ** 2)

    def linear(self) -> tuple[np.ndarray, np.ndarray]:
        """See `Plant`: about the upright."""
        return self._linear

    def expert(self) -> Linear:
        """See `Plant`: the linear-quadratic regulator about the upright."""
        return self._expert

    def _derivatives(self) -> tuple[np.ndarray, np.ndarray]:
        """(A, B) over one step about the upright, by central differences: `mjd_transitionFD` refuses Runge-Kutta."""
        size = 2 * self.joints
        apart = DIFFERENCE * np.eye(size + 1)
        given = np.concatenate([apart, -apart])
        states = np.concatenate([np.zeros((len(given), 1)), given[:, :size]], axis=1)
        after = self.moved(states, given[:, size:], 1)[:, 0, 1:]
        slopes = (after[: size + 1] - after[size + 1 :]).T / (2 * DIFFERENCE)
        return slopes[:, :size], slopes[:, size:]


class Swimmer(Simulated):
    """Swimmer-v5: three links in a viscous fluid; what it costs is how far it did not come forward.

    Positions: heading and both joints. It cannot fall. The expert is linear in them and their velocities.
    """

    name: ClassVar[str] = "swimmer"
    frame: ClassVar[int] = 4
    positions: ClassVar[int] = 3
    actions: ClassVar[int] = 2
    limit: ClassVar[float] = 1.0
    features: ClassVar[tuple[str, ...]] = ("heading", "first joint", "second joint")
    noise_unit: ClassVar[tuple[float, ...]] = (0.5, 0.5, 0.5)
    exploration: ClassVar[float] = 0.2
    falls: ClassVar[bool] = False
    fallen: ClassVar[float] = 0.0

    def __init__(self, expert: Linear | None = None):
        super().__init__("swimmer.xml")
        if expert is None:
            found = json.loads(SWIMMER_EXPERT.read_text(encoding="utf-8"))
            expert = Linear(np.array(found["gain"], float), np.array(found["offset"], float))
        self._expert = expert

    def starts(self, number: int, seed: int) -> np.ndarray:
        """See `Plant`: as the environment begins, everything up to 0.1."""
        drawn = np.random.default_rng(seed).uniform(-0.1, 0.1, (number, 10))
        return self.at(drawn[:, :5], drawn[:, 5:])

    def full(self, states: np.ndarray) -> np.ndarray:
        """See `Plant`: without the place, which nobody sees, and its velocity."""
        return np.concatenate([states[..., 3:6], states[..., 8:11]], axis=-1)

    def cost(self, before: np.ndarray, after: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Minus the rewards of the environment: forward velocity, less 0.0001 of the squared actions at each frame."""
        return before[..., 1] - after[..., 1] + 1e-4 * np.sum(actions**2, axis=-1) / self.frame

    def linear(self) -> tuple[np.ndarray, np.ndarray]:
        """See `Plant`: that what moves goes on as it goes."""
        return constant_velocity(self.positions, self.actions)

    def expert(self) -> Linear:
        """See `Plant`: found by augmented random search."""
        return self._expert
