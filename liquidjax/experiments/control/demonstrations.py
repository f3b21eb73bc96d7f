"""What is imitated: episodes of the expert, pushed off its way, with what it would do at each frame."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax.experiments.control.controllers import linear_action
from liquidjax.experiments.control.faults import Faults, frame_times
from liquidjax.experiments.control.filters import Filter
from liquidjax.experiments.control.plant import STEP, Plant
from liquidjax.experiments.control.riccati import held
from liquidjax.tasks.dataset import SequenceDataset


class Demonstrations(NamedTuple):
    """full: [positions, velocities] (series, frames, 2 positions) at each frame; labels: what the expert would do
    there, (series, frames, actions); applied: what was done instead until the next; since: steps of physics since the
    frame before, int (series, frames), 0 at the first.
    """

    full: np.ndarray
    labels: np.ndarray
    applied: np.ndarray
    since: np.ndarray


def demonstrate(plant: Plant, number: int, frames: int, faults: Faults, seed: int) -> Demonstrations:
    """Episodes of the expert with Gaussian noise on the action that is applied, not on the one that is learnt.

    So it is shown how to come back from where a learner that is not perfect will be. The expert sees the velocities and
    acts at each frame that arrives, clean and in time; of the faults there are jitter and losses. Episodes that fall,
    for the noise may push them over, are left out.

    Args:
        plant: what is controlled.
        number: of episodes.
        frames: of each.
        faults: of the frames.
        seed: of starts, noise and frames.

    Raises:
        ValueError: more than a third of them fall.

    Example:
        >>> from liquidjax.experiments.control.cartpole import CartPole
        >>> made = demonstrate(CartPole(), number=3, frames=10, faults=Faults(lost=0.2), seed=0)
        >>> made.full.shape, made.since[0].tolist()
        ((3, 10, 4), [0, 4, 4, 4, 8, 4, 8, 4, 16, 4])

    Reference:
        Laskey et al., "DART: Noise injection for robust imitation learning", CoRL 2017; the spread of the noise is
        chosen here, a share of the limit that belongs to the plant, and not fitted to the learner.
    """
    tried, expert = number + number // 2 + 2, plant.expert()
    rng = np.random.default_rng((seed, 0))
    noise = plant.exploration * plant.limit * rng.normal(size=(frames, tried, plant.actions))
    times = [_times(plant, faults, frames, np.random.default_rng((seed, 1 + row))) for row in range(tried)]
    gaps = np.diff(np.stack(times, axis=1), axis=0)
    states, alive = plant.starts(tried, seed), np.ones(tried, bool)
    advance = functools.partial(_advance, plant) if plant.traced else plant.advance
    seen, labels, applied = [], [], []
    for gap, pushed in zip(gaps, noise, strict=True):
        full = np.asarray(plant.full(states), np.float32)
        labels.append(linear_action(expert, plant.limit, full))
        applied.append(np.clip(labels[-1] + pushed, -plant.limit, plant.limit).astype(np.float32))
        seen.append(full)
        while gap.any():
            steps = np.minimum(gap, plant.frame).astype(np.int32)
            states, alive, *_ = advance(states, applied[-1], alive, steps)
            gap = gap - steps
    kept = np.flatnonzero(np.asarray(alive))[:number]
    if len(kept) < number:
        raise ValueError(f"at least {number} of {tried} demonstrations must stay up, got {len(kept)} of {plant.name}")
    since = np.concatenate([np.zeros((1, tried), int), gaps[:-1]])
    return Demonstrations(*(np.stack(list(each), axis=1)[kept] for each in (seen, labels, applied, since)))


def dataset(plant: Plant, made: Demonstrations, filter: Filter | None = None) -> SequenceDataset:
    """What a network learns: the positions, behind a filter or as they are, and the actions of the expert.

    The unit of the times is a second.
    """
    inputs = made.full[..., : plant.positions]
    if filter is not None:
        inputs = _filtered(filter, inputs, made)
    names = tuple(f"action {number + 1}" for number in range(plant.actions))
    times = STEP * np.cumsum(made.since, axis=1)
    return SequenceDataset(inputs, times, targets=made.labels, features=plant.features, outputs=names)


def disturbance(A: np.ndarray, B: np.ndarray, made: Demonstrations) -> np.ndarray:
    """Covariance of what a model of one step of physics does not foresee, (states, states): a share for each step.

    Args:
        A, B: of the model.
        made: demonstrations without faults, with frames as far apart as each other.
    """
    gap = int(made.since[0, 1])
    over = held(A, B, gap)
    foreseen = made.full[:, :-1] @ over[0].T + made.applied[:, :-1] @ over[1].T
    missed = (made.full[:, 1:] - foreseen).reshape(-1, len(A))
    return missed.T @ missed / len(missed) / gap + 1e-10 * np.eye(len(A))


@functools.partial(jax.jit, static_argnums=0)
def _advance(plant, states, actions, alive, steps):
    return plant.advance(states, actions, alive, steps)


def _times(plant: Plant, faults: Faults, frames: int, rng: np.random.Generator) -> np.ndarray:
    """The first so many times of frames, and the one after them."""
    total = int(1.5 * (frames + 1) * plant.frame / (1 - faults.lost)) + 40 * plant.frame
    times = frame_times(faults, plant.frame, total, rng)
    if len(times) <= frames:
        raise ValueError(f"there must be {frames + 1} frames in {total} steps, got {len(times)}")
    return times[: frames + 1]


def _filtered(filter: Filter, positions: np.ndarray, made: Demonstrations) -> np.ndarray:
    """Step by step, as in the closed loop."""
    series, frames = positions.shape[:2]
    step = jax.jit(filter.step)
    state, found = filter.begin(1, series), []
    for time in range(frames):
        action = made.applied[None, :, time - 1] if time else np.zeros_like(made.applied[None, :, 0])
        state, value = step(state, positions[None, :, time], action, made.since[:, time], jnp.ones(series, bool))
        found.append(np.asarray(value)[0])
    return np.stack(found, axis=1)
