"""Optimizers by name against the formulas of their papers, schedules, accumulation, and settings that are varied."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from liquidjax.training.descent import descend
from liquidjax.training.optimizer import VARIED, Optimizer
from untyped import untyped

NAMES = ("adam", "adamw", "sgd", "rmsprop", "lion", "adabelief", "nadam")
SCHEDULES = ("constant", "cosine", "linear", "exponential")
PARAMS = {"a": np.array([1.0, -2.0]), "b": np.array(0.5)}
GRADIENTS = [{"a": np.array([0.3, -4.0]), "b": np.array(-1.0)}, {"a": np.array([0.1, 2.0]), "b": np.array(3.0)}]


def after(optimizer, gradients=GRADIENTS, steps=10, **varied):
    """The parameters after each of some gradients."""
    transform = optimizer.transform(steps, **varied)
    params = jax.tree.map(jnp.asarray, PARAMS)
    state, found = transform.init(params), []
    for gradient in gradients:
        params, state = descend(transform, gradient, state, params)
        found.append(jax.device_get(params))
    return found


def assert_near(actual, expected, tolerance=1e-12):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance), actual, expected)


def rates(optimizer, updates, steps):
    """The learning rates of some updates: what sgd takes of a gradient of 1, over the sum of its momentum.

    Of an optimizer without a clip. Optax computes schedules in float32.
    """
    ones = [{"a": np.ones(2), "b": np.ones(())}] * updates
    moved = [float(p["b"]) for p in after(optimizer, ones, steps)]
    momentum = np.cumsum(0.9 ** np.arange(updates))
    return -np.diff([float(PARAMS["b"]), *moved]) / momentum


def adam(params, gradients, rate, decay=0.0):
    """Kingma and Ba, algorithm 1; with the decay of Loshchilov and Hutter."""
    m, v, found = 0.0, 0.0, []
    for t, g in enumerate(gradients, start=1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        step = (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        params = params - rate * (step + decay * params)
        found.append(params)
    return found


@pytest.mark.parametrize("leaf", ["a", "b"])
@pytest.mark.parametrize("decay", [None, 0.1])
def test_adam_is_the_formula(leaf, decay, x64):
    settings = {"name": "adam"} if decay is None else {"name": "adamw", "weight_decay": decay}
    optimizer = Optimizer(learning_rate=0.02, clip=None, **untyped(settings))
    expected = adam(PARAMS[leaf], [g[leaf] for g in GRADIENTS], 0.02, decay or 0.0)
    assert_near([found[leaf] for found in after(optimizer)], expected, 1e-10)


def test_sgd_is_the_formula(x64):
    first, second = after(Optimizer("sgd", 0.1, clip=None))
    assert_near(first, jax.tree.map(lambda p, g: p - 0.1 * g, PARAMS, GRADIENTS[0]))
    assert_near(second, jax.tree.map(lambda p, g, h: p - 0.1 * (0.9 * g + h), first, *GRADIENTS))


def test_a_gradient_is_shortened_to_the_clip(x64):
    """By its norm over all parameters together; a shorter one is left as it is."""
    norm = np.sqrt(0.3**2 + 4**2 + 1)
    for clip, share in ((2.0, 2 / norm), (5.0, 1.0)):
        (found,) = after(Optimizer("sgd", 0.1, clip=clip), GRADIENTS[:1])
        for leaf, start in PARAMS.items():
            assert_near(found[leaf], start - 0.1 * share * GRADIENTS[0][leaf])


@pytest.mark.parametrize("name", NAMES)
def test_every_name_moves_against_the_gradient(name, x64):
    for schedule in SCHEDULES:
        (found,) = after(Optimizer(name, 0.02, schedule), GRADIENTS[:1])
        for leaf, start in PARAMS.items():
            moved = found[leaf] - start
            assert np.array_equal(np.sign(moved), -np.sign(GRADIENTS[0][leaf])) and np.abs(moved).max() < 0.2


SHAPES = {
    "constant": lambda share: 1.0,
    "cosine": lambda share: 0.5 * (1 + np.cos(np.pi * share)),
    "linear": lambda share: 1 - share,
    "exponential": lambda share: 0.01**share,
    "cooldown": lambda share: min(1.0, 5 * max(0.0, 1 - share)),
}


@pytest.mark.parametrize("warmup", [0, 4])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_schedules_rise_in_the_warmup_and_end_with_the_training(schedule, warmup, x64):
    """Cosine, linear and cooldown at 0, where the training ends; and they stay there."""
    found = rates(Optimizer("sgd", 0.3, schedule, warmup, clip=None), updates=11, steps=10)
    expected = [0.3 * k / warmup for k in range(warmup)]
    expected += [0.3 * SHAPES[schedule](k / (10 - warmup)) for k in range(11 - warmup)]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)
    if schedule in ("cosine", "linear", "cooldown"):
        assert found[-1] == 0 < found[-2]


def test_a_warmup_longer_than_the_training_only_rises(x64):
    np.testing.assert_allclose(
        rates(Optimizer("sgd", 0.3, "cosine", 100, clip=None), 3, 3), [0, 0.003, 0.006], rtol=1e-6
    )


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_accumulated_batches_are_one_step_on_their_mean(name, x64):
    """Clipped as a mean and not each, and the schedule counts the steps and not the batches."""
    optimizer = Optimizer(name, 0.1, "linear", clip=1.0, accumulate=2)
    first, second, third, fourth = after(optimizer, [*GRADIENTS, *GRADIENTS[::-1]], steps=6)
    assert_near(first, PARAMS)
    assert_near(third, second)
    mean = jax.tree.map(lambda g, h: (g + h) / 2, *GRADIENTS)
    assert_near([second, fourth], after(Optimizer(name, 0.1, "linear", clip=1.0), [mean, mean], 3), 1e-7)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_what_is_varied_is_what_is_set(accumulate, x64):
    optimizer = Optimizer("adamw", 0.5, "cosine", 2, 0.9, 7.0, accumulate)
    varied = {"learning_rate": 0.02, "weight_decay": 0.1, "clip": 1.0}

    def run(varied):
        transform = optimizer.transform(10, **varied)
        params, state = PARAMS, transform.init(PARAMS)
        for gradient in GRADIENTS * 2:
            params, state = descend(transform, gradient, state, params)
        return params

    expected = after(Optimizer("adamw", 0.02, "cosine", 2, 0.1, 1.0, accumulate), GRADIENTS * 2)[-1]
    assert_near(jax.jit(run)(varied), expected)
    assert tuple(varied) == VARIED


def test_equal_settings_are_one_static_argument():
    assert Optimizer("adamw", untyped(np.float64(0.1)), warmup=untyped(np.int64(3))) == Optimizer(
        "adamw", 0.1, warmup=3
    )
    assert len({Optimizer(), Optimizer("adam", 0.01, "constant", 0, 0.0, 1.0, 1), Optimizer("sgd")}) == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "Adam"}, "name must be one of 'adam', 'adamw', 'sgd', .*, got 'Adam'"),
        ({"name": optax.adam}, "name must be one of"),
        (
            {"schedule": "cos"},
            "schedule must be one of 'constant', 'cosine', 'linear', 'exponential', 'cooldown', got 'cos'",
        ),
        ({"learning_rate": -0.1}, r"learning_rate must be a number in \[0, inf\), got -0.1"),
        ({"learning_rate": np.nan}, "learning_rate must be a number"),
        ({"learning_rate": "0.1"}, "learning_rate must be a number"),
        ({"weight_decay": 0.1}, "weight_decay must be 0 with adam, only adamw and lion have one"),
        ({"name": "adamw", "weight_decay": np.inf}, "weight_decay must be a number"),
        ({"clip": 0.0}, r"clip must be a number in \(0, inf\), got 0.0"),
        ({"warmup": -1}, "warmup must be an integer of at least 0, got -1"),
        ({"warmup": 0.1}, "warmup must be an integer"),
        ({"accumulate": 0}, "accumulate must be an integer of at least 1, got 0"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Optimizer(**untyped(settings))


def test_what_cannot_be_varied_is_refused():
    """Silently it would be left as it is."""
    with pytest.raises(ValueError, match="'learning_rate', 'weight_decay', 'clip', got 'momentum'"):
        Optimizer("sgd").transform(10, momentum=0.5)
    with pytest.raises(ValueError, match="weight_decay must not be varied with sgd, only adamw and lion have one"):
        Optimizer("sgd").transform(10, weight_decay=0.5)
