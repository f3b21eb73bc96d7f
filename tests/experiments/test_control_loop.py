"""The closed loop of the control experiment: what faults do to frames, and what they leave alone."""

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import liquidjax as lj
from liquidjax.experiments.control import faults
from liquidjax.experiments.control.cartpole import CartPole
from liquidjax.experiments.control.closed_loop import drive, watch
from liquidjax.experiments.control.config import Grid
from liquidjax.experiments.control.controllers import Estimated, Expert, NetworkController, Nobody
from liquidjax.experiments.control.demonstrations import dataset, demonstrate, disturbance
from liquidjax.experiments.control.faults import Faults, frame_times, schedule
from liquidjax.experiments.control.filters import Kalman, LowPass
from liquidjax.experiments.control.mujoco import Swimmer
from liquidjax.experiments.control.plant import Linear, constant_velocity
from liquidjax.layers.linear import Linear as Layer
from liquidjax.tasks.preparation import Preparation

PLANT = CartPole()
TOTAL = 400


@dataclass(frozen=True)
class Says:
    """Answers with one of the things that it is told, so that they can be seen from outside."""

    what: str

    def begin(self, members, rows):
        return jnp.zeros((members, rows))

    def act(self, params, memory, received, action, since, call):
        memory = memory + call.astype(memory.dtype)
        said = {"since": since.astype(memory.dtype) + 0 * memory, "calls": memory, "angle": received[..., 1]}
        return memory, said[self.what][..., None]


@dataclass(frozen=True)
class Through:
    """A cell that hands on its inputs."""

    inputs: int

    @property
    def outputs(self) -> int:
        return self.inputs

    def init(self, key: Any) -> tuple[()]:
        return ()

    def initial_state(self, batch_shape=(), dtype: Any = float):
        return jnp.zeros((*batch_shape, 1), dtype)

    def sense(self, params, inputs, key=None):
        return inputs

    def step(self, params, state, sensed, dt):
        return state, sensed


class AllSeen(CartPole):
    """The cart-pole whose velocities are not hidden."""

    positions: ClassVar[int] = 4
    noise_unit: ClassVar[tuple[float, ...]] = (0.1, 0.05, 0.0, 0.0)

    def full(self, states):
        return jnp.concatenate([states, jnp.zeros_like(states)], axis=-1)


def made(asked, rows=1, seed=0, total=TOTAL):
    return schedule(asked, rows, PLANT.frame, total, PLANT.noise_unit, seed)


def seen(what, asked, seed=0):
    """(entry of each call, what was said there, physics steps at which the entries begin, states)."""
    plan = made([asked], seed=seed)
    found = watch(PLANT, Says(what), None, np.zeros(4), plan)
    begins = np.concatenate([[0], np.cumsum(plan.steps[:, 0])[:-1]])
    return np.flatnonzero(found.call[:, 0]), found.action[:, 0, 0, 0], begins, found.states[:, 0, 0]


ANY = st.builds(
    Faults,
    rate=st.sampled_from([0.25, 0.5, 1.0, 2.0, 4.0]),
    delay=st.integers(0, 4),
    jitter=st.sampled_from([0.0, 0.3, 1.2]),
    noise=st.sampled_from([0.0, 1.0]),
    lost=st.sampled_from([0.0, 0.4, 0.7]),
    burst=st.sampled_from([None, 4.0]),
)


@settings(deadline=None, max_examples=50)
@given(ANY.filter(lambda each: not (each.jitter and each.rate == 4)), st.integers(0, 1000))
def test_physics_take_as_many_steps_whatever_happens_to_frames(asked, seed):
    plan = made([asked], rows=3, seed=seed)
    assert plan.steps.sum(0).tolist() == [TOTAL] * 3 and plan.steps.max() <= PLANT.frame and plan.frame[0].all()
    assert not plan.frame[plan.steps == 0].any()


def test_physics_take_as_many_steps_in_the_loop_under_all_faults():
    asked = list(Grid().faults().values())
    plan = made(asked, rows=2)
    found = drive(PLANT, Expert(PLANT.expert(), PLANT.limit), None, np.zeros((len(plan.delay), 4)), plan)
    assert (found.lived[found.survived] == TOTAL).all() and found.survived.mean() > 0.5
    frames = plan.frame.sum(0)
    np.testing.assert_array_equal(found.calls[0], np.maximum(frames - plan.delay, 0))


def test_jitter_keeps_the_mean_gap_and_varies_as_it_says():
    for variation in (0.3, 0.6, 1.2):
        gaps = np.diff(frame_times(Faults(jitter=variation), 4, 200_000, np.random.default_rng(0)))
        assert gaps.min() >= 1
        assert gaps.mean() == pytest.approx(4, rel=0.02) and gaps.std() / gaps.mean() == pytest.approx(
            variation, rel=0.03
        )


def test_gaps_of_one_step_cannot_vary():
    with pytest.raises(ValueError, match=r"jitter must be such that gaps of whole steps .* got 0.3 of 1 steps"):
        frame_times(Faults(rate=4.0, jitter=0.3), 4, 100, np.random.default_rng(0))


def test_losses_come_singly_and_in_bursts():
    for burst, together in ((None, 1 / 0.6), (4.0, 4.0)):
        times = frame_times(Faults(lost=0.4, burst=burst), 4, 200_000, np.random.default_rng(1))
        gone = np.diff(times) // 4 - 1
        assert len(times) / 50_000 == pytest.approx(0.6, rel=0.03)
        assert gone[gone > 0].mean() == pytest.approx(together, rel=0.05)


@pytest.mark.parametrize("asked", [Faults(), Faults(rate=0.25), Faults(rate=4), Faults(jitter=0.6), Faults(lost=0.4)])
def test_what_is_told_is_what_has_passed_since_the_last_call(asked):
    calls, said, begins, _ = seen("since", asked)
    assert said[calls[0]] == PLANT.frame  # nothing was before it
    np.testing.assert_array_equal(said[calls[1:]], np.diff(begins[calls]))
    hidden = made([asked])
    hidden = hidden._replace(told=np.zeros(1, bool))
    assert set(watch(PLANT, Says("since"), None, np.zeros(4), hidden).action.ravel()) == {PLANT.frame}


def test_a_lost_frame_is_no_call_and_the_action_is_held():
    calls, said, begins, _ = seen("calls", Faults(lost=0.4))
    assert 0.4 < len(calls) / (TOTAL / 4) < 0.8
    entries = np.arange(len(begins))
    np.testing.assert_array_equal(said, np.searchsorted(calls, entries, "right"))


@pytest.mark.parametrize("delay", [0, 1, 2, 4])
def test_a_delay_shifts_frames_exactly(delay):
    start = np.array([0.0, 0.05, 0.0, 0.0])
    found = watch(PLANT, Says("angle"), None, start, made([Faults(delay=delay)]))
    angles, said, calls = found.states[:, 0, 0, 1], found.action[:, 0, 0, 0], found.call[:, 0]
    assert calls.tolist() == [False] * delay + [True] * (len(calls) - delay)
    np.testing.assert_array_equal(said[delay:], angles[: len(angles) - delay])
    np.testing.assert_array_equal(said[:delay], 0)


def test_noise_is_on_the_positions_and_as_large_as_it_says():
    plan = made([Faults(noise=2.0)], rows=50)
    spread = plan.noise[plan.frame].std(0)
    np.testing.assert_allclose(spread, [0.2, 0.1], rtol=0.05)
    found = watch(PLANT, Says("angle"), None, np.zeros(4), faults.taken(plan, np.array([3])))
    np.testing.assert_allclose(found.action[:, 0, 0, 0], found.states[:, 0, 0, 1] + plan.noise[:, 3, 1], atol=1e-6)


def test_an_episode_is_the_same_alone_and_among_others():
    asked = [Faults(lost=0.4), Faults(rate=2.0), Faults(delay=2, noise=0.3)]
    whole = made(asked, rows=3)
    starts = np.tile(PLANT.starts(3, 0), (3, 1))
    who = Expert(PLANT.expert(), PLANT.limit)
    together = drive(PLANT, who, None, starts, whole)
    for row in (1, 4, 8):
        alone = drive(PLANT, who, None, starts[[row]], faults.taken(whole, np.array([row])))
        assert alone.lived[0, 0] == together.lived[0, row]
        np.testing.assert_allclose(alone.cost[0, 0], together.cost[0, row], rtol=1e-4)
    parts = faults.joined([made(asked[:1], rows=3), made(asked[1:], rows=3)])
    for one, other in zip(parts, whole, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_perfect_imitator_gets_the_score_of_the_expert():
    plant, expert = AllSeen(), PLANT.expert()
    preparation = Preparation(
        (0.1, -0.2, 0.3, 0.0), (0.5, 2.0, 0.1, 1.0), 0.04, 0.04, target_mean=(0.7,), target_spread=(3.0,)
    )
    network = lj.Readout(Through(4), 1)
    weight = expert.gain.T * np.array(preparation.spread)[:, None] / 3.0
    bias = (expert.gain @ np.array(preparation.mean) - 0.7) / 3.0
    params = network.init(jax.random.key(0))
    params = params._replace(linear=Layer(jnp.asarray(weight, float), jnp.asarray(bias, float)))
    params = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), params)
    asked = schedule(list(Grid().faults().values()), 3, 4, TOTAL, plant.noise_unit, 0)
    starts = np.tile(plant.starts(3, 1), (len(asked.delay) // 3, 1))
    ours = drive(plant, NetworkController(network, preparation, plant.limit), params, starts, asked, members=2)
    wide = Linear(np.pad(expert.gain, ((0, 0), (0, 4))), expert.offset)
    theirs = drive(plant, Expert(wide, plant.limit), None, starts, asked)
    np.testing.assert_array_equal(ours.survived, theirs.survived.repeat(2, axis=0))
    stays = theirs.survived[0]
    np.testing.assert_allclose(ours.cost[:, stays], theirs.cost[:, stays].repeat(2, axis=0), rtol=0.02)
    np.testing.assert_allclose(ours.activity[:, stays], theirs.activity[:, stays].repeat(2, axis=0), rtol=0.02)


def test_on_the_host_happens_what_happens_in_a_compiled_loop():
    advance = jax.jit(PLANT.advance)

    class Host(CartPole):
        traced: ClassVar[bool] = False

        def advance(self, states, actions, alive, steps):
            return jax.tree.map(np.asarray, advance(jnp.asarray(states, float), actions, alive, steps))

    plan = made([Faults(jitter=0.6, noise=0.3, lost=0.2), Faults(delay=1)], rows=2)
    starts = PLANT.starts(4, 0)
    for who in (Expert(PLANT.expert(), 10.0), Nobody()):
        one, other = (drive(plant, who, None, starts, plan) for plant in (PLANT, Host()))
        np.testing.assert_array_equal(one.lived, other.lived)
        np.testing.assert_array_equal(one.calls, other.calls)
        np.testing.assert_allclose(one.cost, other.cost, rtol=1e-3)


def test_the_kalman_filter_is_that_of_the_textbook(x64):
    rng = np.random.default_rng(0)
    A, B = PLANT.linear()
    Q = 1e-4 * np.diag([1.0, 2.0, 3.0, 4.0])
    kalman = Kalman(A, B, Q, np.array([0.1, 0.05]), np.array([0.2, 0.1, 0.5, 0.5]))
    gaps, calls = np.array([0, 4, 3, 9, 1]), np.array([True, True, False, True, True])
    readings, actions = rng.normal(size=(5, 1, 2)), rng.normal(size=(5, 1, 1))
    state = kalman.begin(1, 1)
    mean, P = np.zeros(4), np.diag(kalman.start**2)
    H, R = np.eye(2, 4), np.diag(kalman.noise**2)
    since = 0
    for gap, call, y, u in zip(gaps, calls, readings, actions, strict=True):
        since += gap
        state, filtered = kalman.step(
            state, jnp.asarray(y[None]), jnp.asarray(u[None]), jnp.array([since]), jnp.array([call])
        )
        if not call:
            continue
        for _ in range(since):
            mean, P = A @ mean + B @ u[0], A @ P @ A.T + Q
        K = P @ H.T @ np.linalg.inv(H @ P @ H.T + R)
        mean, P, since = mean + K @ (y[0] - H @ mean), (np.eye(4) - K @ H) @ P, 0
        np.testing.assert_allclose(state.mean[0, 0], mean, rtol=1e-9)
        np.testing.assert_allclose(state.covariance[0], P, rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(filtered[0, 0], mean[:2], rtol=1e-9)


def test_the_expert_behind_a_kalman_filter_stays_up_where_there_is_noise():
    shown = demonstrate(PLANT, 10, 40, Faults(), 0)
    A, B = PLANT.linear()
    kalman = Kalman(A, B, disturbance(A, B, shown), np.array([0.03, 0.015]), np.full(4, 0.2))
    plan = made([Faults(noise=0.3)], rows=10)
    found = drive(PLANT, Estimated(PLANT.expert(), PLANT.limit, kalman), None, PLANT.starts(10, 0), plan)
    assert found.survived.all()


def test_demonstrations_show_what_the_expert_would_do_and_do_something_else():
    clean, faulty = (demonstrate(PLANT, 12, 30, each, 3) for each in (Faults(), Faults(jitter=0.6, lost=0.2)))
    for shown in (clean, faulty):
        assert shown.full.shape == (12, 30, 4) and shown.labels.shape == shown.applied.shape == (12, 30, 1)
        np.testing.assert_allclose(
            shown.labels, np.clip(shown.full @ PLANT.expert().gain.T, -10, 10), rtol=1e-4, atol=1e-4
        )
        pushed = (shown.applied - shown.labels)[np.abs(shown.applied) < 10]
        assert pushed.std() == pytest.approx(PLANT.exploration * PLANT.limit, rel=0.15)
        states = shown.full[:, 0]
        moved = PLANT.advance(
            jnp.asarray(states), jnp.asarray(shown.applied[:, 0]), jnp.ones(12, bool), jnp.asarray(shown.since[:, 1])
        )
        one = shown.since[:, 1] <= PLANT.frame
        np.testing.assert_allclose(moved.states[one], shown.full[one, 1], atol=1e-5)
    assert set(clean.since[:, 1:].ravel()) == {4} and np.std(faulty.since[:, 1:]) > 1
    data = dataset(PLANT, faulty)
    np.testing.assert_allclose(np.diff(data.times, axis=1), 0.01 * faulty.since[:, 1:])
    np.testing.assert_array_equal(data.targets, faulty.labels)


def test_a_filter_of_the_demonstrations_is_that_of_the_loop():
    shown = demonstrate(PLANT, 2, 10, Faults(lost=0.3), 0)
    found = dataset(PLANT, shown, LowPass(2, 6.0)).inputs
    y = shown.full[:, 0, :2]
    for time in range(1, 10):
        y = y + (1 - np.exp(-shown.since[:, time] / 6.0))[:, None] * (shown.full[:, time, :2] - y)
        np.testing.assert_allclose(found[:, time], y, atol=1e-6)


def test_an_expert_that_falls_shows_nothing():
    class Clumsy(CartPole):
        exploration: ClassVar[float] = 3.0

    with pytest.raises(ValueError, match=r"at least 4 of 8 demonstrations must stay up, got \d of cart-pole"):
        demonstrate(Clumsy(), 4, 200, Faults(), 0)


def test_what_goes_on_as_it_goes_is_foreseen_up_to_its_acceleration():
    shown = demonstrate(Swimmer(), 4, 20, Faults(), 0)
    A, B = constant_velocity(3, 2)
    Q = disturbance(A, B, shown)
    missed = shown.full[:, 1:, :3] - shown.full[:, :-1, :3] - 0.04 * shown.full[:, :-1, 3:]
    np.testing.assert_allclose(np.diag(Q)[:3], np.mean(missed**2, axis=(0, 1)) / 4, rtol=1e-4, atol=1e-9)
