"""The plants of the control experiment: their physics, their experts, and the regulator."""

from concurrent.futures import ThreadPoolExecutor

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import solve_discrete_are

from liquidjax.experiments.control import cartpole
from liquidjax.experiments.control.cartpole import CartPole
from liquidjax.experiments.control.closed_loop import drive
from liquidjax.experiments.control.controllers import Expert, Nobody, linear_action
from liquidjax.experiments.control.faults import Faults, schedule
from liquidjax.experiments.control.mujoco import DoublePendulum, Simulated, Swimmer
from liquidjax.experiments.control.plant import STEP, Linear
from liquidjax.experiments.control.random_search import search
from liquidjax.experiments.control.riccati import held, regulator
from untyped import untyped

G, M, m, l = 9.8, 1.0, 0.1, 0.5  # noqa: E741  # l is the half length of the pole


@pytest.fixture(scope="module")
def pendulum():
    return DoublePendulum()


@pytest.fixture(scope="module")
def swimmer():
    return Swimmer()


def lagrange(_, state, force):
    """The same system as a mass matrix that is solved: a rod of inertia m l^2 / 3 about its centre, on a cart."""
    _, angle, velocity, turning = state
    mass = np.array([[M + m, m * l * np.cos(angle)], [m * l * np.cos(angle), 4 / 3 * m * l**2]])
    right = np.array([force + m * l * turning**2 * np.sin(angle), m * G * l * np.sin(angle)])
    return [velocity, turning, *np.linalg.solve(mass, right)]


def energy(states):
    """Kinetic and potential energy of cart and rod."""
    _, angle, velocity, turning = np.moveaxis(np.asarray(states), -1, 0)
    across = velocity + l * turning * np.cos(angle)
    up = -l * turning * np.sin(angle)
    moving = M * velocity**2 / 2 + m * (across**2 + up**2) / 2 + m * l**2 / 3 * turning**2 / 2
    return moving + m * G * l * np.cos(angle)


def test_the_cart_pole_moves_as_lagrange_says(x64):
    start = np.array([0.3, -0.4, 0.5, -1.2])
    found = solve_ivp(lagrange, (0, 0.5), start, args=(3.0,), rtol=1e-11, atol=1e-12).y[:, -1]
    state = jnp.asarray(start)
    for _ in range(50):
        state = cartpole.runge_kutta(state, jnp.asarray(3.0), STEP)
    np.testing.assert_allclose(state, found, atol=1e-7)


def test_without_a_force_the_energy_stays(x64):
    states = jnp.asarray(np.random.default_rng(0).normal(size=(5, 4)))
    end = jax.lax.fori_loop(0, 400, lambda _, x: cartpole.runge_kutta(x, jnp.zeros(5), STEP), states)
    np.testing.assert_allclose(energy(end), energy(states), rtol=1e-6)
    assert np.abs(np.asarray(end - states)).max() > 1


def test_a_small_angle_grows_as_the_linear_equation_says(x64):
    rate = np.sqrt(G / (l * (4 / 3 - m / (M + m))))
    state = jnp.array([0.0, 1e-6, 0.0, 0.0])
    for _ in range(100):
        state = cartpole.runge_kutta(state, jnp.zeros(()), STEP)
    np.testing.assert_allclose(state[1], 1e-6 * np.cosh(rate), rtol=1e-6)


def test_a_cart_that_has_fallen_stays_and_costs_nothing_more():
    plant = CartPole()
    states = jnp.array([[0.0, 0.2, 0.0, 2.0], [0.0, 0.0, 0.0, 0.0]])
    moved = plant.advance(states, jnp.zeros((2, 1)), jnp.ones(2, bool), jnp.array([4, 4]))
    assert moved.alive.tolist() == [False, True] and moved.lived.tolist() == [1, 4]
    again = plant.advance(moved.states, jnp.ones((2, 1)), moved.alive, jnp.array([4, 0]))
    np.testing.assert_array_equal(again.states, moved.states)
    assert again.lived.tolist() == [0, 0] and again.cost.tolist() == [0, 0]


def test_the_regulator_solves_the_riccati_equation():
    A, B = CartPole().linear()
    A, B = held(A, B, 4)
    Q, R = np.diag([1.0, 2.0, 0.1, 0.3]), np.diag([0.5])
    P = solve_discrete_are(A, B, Q, R)
    K = np.linalg.solve(R + B.T @ P @ B, B.T @ P @ A)
    np.testing.assert_allclose(regulator(A, B, Q, R), K, rtol=1e-6)
    with pytest.raises(ValueError, match="must reach every state that grows"):
        regulator(np.diag([2.0, 0.5]), np.array([[0.0], [1.0]]), np.eye(2), np.eye(1))


@pytest.mark.parametrize("kind", [CartPole, DoublePendulum])
def test_the_expert_makes_its_plant_stable_and_all_of_a_hundred_stay_up(kind):
    plant = kind()
    A, B = plant.linear()
    A, B = held(A, B, plant.frame)
    gain = plant.expert().gain
    assert np.abs(np.linalg.eigvals(A)).max() > 1 > np.abs(np.linalg.eigvals(A + B @ gain)).max()
    asked = schedule([Faults()], 100, plant.frame, 400, plant.noise_unit, 0)
    starts = plant.starts(100, 7)
    assert drive(plant, Expert(plant.expert(), plant.limit), None, starts, asked).survived.all()
    fallen = drive(plant, Nobody(), None, starts, asked)
    assert not fallen.survived.any() and fallen.cost.min() > 1


@pytest.mark.parametrize(("kind", "name"), [(DoublePendulum, "InvertedDoublePendulum-v5"), (Swimmer, "Swimmer-v5")])
def test_mujoco_moves_as_the_environment_of_gymnasium_does(kind, name):
    plant, env = kind(), untyped(gymnasium.make(name).unwrapped)
    joints, rng = plant.joints, np.random.default_rng(0)
    state = plant.starts(1, 3)
    env.reset(seed=0)
    env.set_state(state[0, 1 : 1 + joints], state[0, 1 + joints :])
    for _ in range(3):
        action = rng.uniform(-0.3, 0.3, (1, plant.actions))
        env.step(action[0])
        left, reward = env.frame_skip, 0.0
        while left:
            steps = min(left, plant.frame)
            moved = plant.advance(state, action, np.ones(1, bool), np.array([steps]))
            state, left, reward = moved.states, left - steps, reward - moved.cost[0]
    np.testing.assert_allclose(state[0, 1 : 1 + joints], env.data.qpos, atol=1e-12)
    np.testing.assert_allclose(state[0, 1 + joints :], env.data.qvel, atol=1e-10)
    env.close()


def test_the_swimmer_costs_what_the_environment_takes_from_its_rewards(swimmer):
    env = untyped(gymnasium.make("Swimmer-v5").unwrapped)
    assert env.frame_skip == swimmer.frame
    state, action = swimmer.starts(1, 3), np.array([[0.7, -0.4]])
    env.reset(seed=0)
    env.set_state(state[0, 1:6], state[0, 6:])
    *_, info = env.step(action[0])
    moved = swimmer.advance(state, action, np.ones(1, bool), np.array([4]))
    reward = info["reward_forward"] * env.dt + info["reward_ctrl"]
    np.testing.assert_allclose(-moved.cost[0], reward, rtol=1e-9)
    env.close()


def test_the_double_pendulum_falls_where_the_environment_ends(pendulum):
    env = untyped(gymnasium.make("InvertedDoublePendulum-v5").unwrapped)
    env.reset(seed=0)
    fell = []
    for angles in ((0.5, 0.0), (0.6, 0.0), (0.3, 0.7), (-0.2, -0.8), (0.0, 0.9)):
        positions = np.array([0.0, *angles])
        env.set_state(positions, np.zeros(3))
        ours = bool(pendulum.fell(pendulum.at(positions[None], np.zeros((1, 3))))[0])
        fell.append((ours, bool(env.data.site_xpos[0][2] <= 1)))
    assert all(ours == theirs for ours, theirs in fell) and len(set(fell)) == 2
    env.close()


def test_derivatives_about_the_upright_foresee_small_motions(pendulum):
    A, B = pendulum.linear()
    full = np.random.default_rng(0).uniform(-1e-4, 1e-4, (4, 6))
    action = np.full((4, 1), 1e-4)
    full[0] = action[0] = 0
    after = pendulum.moved(pendulum.at(full[:, :3], full[:, 3:]), action, 1)[:, 0, 1:]
    after -= after[0]  # gravity is a little askew in the model
    np.testing.assert_allclose(after, full @ A.T + action @ B.T, atol=1e-8)


def test_rows_move_each_by_its_own_number_of_steps(swimmer):
    states, rng = swimmer.starts(5, 0), np.random.default_rng(1)
    actions, steps = rng.uniform(-1, 1, (5, 2)), np.array([0, 1, 2, 3, 4])
    moved = swimmer.advance(states, actions, np.ones(5, bool), steps)
    for row, count in enumerate(steps):
        alone = states[[row]] if not count else swimmer.moved(states[[row]], actions[[row]], int(count))[:, -1]
        np.testing.assert_array_equal(moved.states[row], alone[0])
    assert moved.lived.tolist() == steps.tolist()


def test_threads_do_not_disturb_each_other(swimmer):
    states, actions = swimmer.starts(20, 0), np.full((20, 2), 0.5)
    alone = swimmer.moved(states, actions, 20)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: swimmer.moved(states, actions, 20), range(8)))
    assert all(np.array_equal(each, alone) for each in found)


def test_the_expert_swims(swimmer):
    asked = schedule([Faults()], 8, swimmer.frame, 1000, swimmer.noise_unit, 0)
    found = drive(swimmer, Expert(swimmer.expert(), 1.0), None, swimmer.starts(8, 0), asked)
    assert found.cost.max() < -0.25 and found.survived.all()


def test_a_model_with_other_steps_is_refused():
    with pytest.raises(ValueError, match=r"hopper.xml must have steps of 0.01 s"):
        Simulated("hopper.xml")


def test_an_action_is_cut_off_at_the_limit():
    expert = Linear(np.array([[1.0, 0.0], [0.0, -2.0]]), np.array([0.0, 0.5]))
    np.testing.assert_array_equal(linear_action(expert, 1.0, np.array([3.0, 0.25])), [1.0, 0.0])


def test_the_search_climbs_to_the_top_of_a_hill():
    top = np.array([[1.0, -2.0], [0.5, 0.0]])
    found = search(lambda p: -np.sum((p - top) ** 2, axis=(1, 2)), np.zeros((2, 2)), 400, 8, 4, 0.02, 0.05, seed=1)
    assert np.abs(found - top).max() < 0.15
