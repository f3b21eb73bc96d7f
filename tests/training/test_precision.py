"""What is trained in float64 is float64 throughout; what is trained in bfloat16 learns as in float32."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from drawn import drawn
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.preparation import Preparation
from liquidjax.training.checkpoints.keeper import Checkpoints
from liquidjax.training.examples import examples
from liquidjax.training.fit import fit
from liquidjax.training.objective import Batch
from liquidjax.training.objectives import Classification, Forecast, Regression
from liquidjax.training.optimizer import Optimizer
from liquidjax.training.precision import check_precision, in_precision, precision_of
from liquidjax.training.predict import predict
from liquidjax.training.state import as_objective, init_state, train_step
from programs import floating_kinds
from small_cells import CELLS
from small_training import FAST, GRU, same_bits, squares, trained, values

METHODS = {
    "scan": (lj.Scan(), lj.Remat()),
    "scan, bptt": (lj.Scan(), lj.BPTT()),
    "newton": (lj.Newton(), lj.Remat()),
    "quasi-newton": (lj.Newton("diagonal"), lj.Remat()),
    "layered": (lj.Newton("layered"), lj.Remat()),
    "associative": (lj.Associative(), lj.Remat()),
    "adjoint": (lj.Scan(), lj.SegmentedAdjoint(2)),
}
OTHERS = [
    *(("ltc", name) for name in ("scan, bptt", "newton", "quasi-newton", "layered", "adjoint")),
    *(("gated linear", "associative"), ("stack", "associative"), ("gru", "newton"), ("cfc", "quasi-newton")),
    ("readout", "newton"),
]


def kinds(cell, optimizer=FAST, method="scan", objective=squares):
    """The dtypes of floating point numbers anywhere in a training step, what goes in and comes out included."""
    how, gradient = METHODS[method]
    transform = optimizer.transform(10)
    params = drawn(cell, dtype=float)
    state = init_state(cell, transform, jax.random.key(0), params)
    batch = Batch(np.zeros((4, 3, cell.inputs)), np.ones((4, 3)), np.ones((4, 3), bool), None, np.ones(3))
    objective = as_objective(objective)
    step = lambda state, batch: train_step(cell, objective, transform, gradient, how, state, batch)  # noqa: E731
    return floating_kinds(jax.make_jaxpr(step)(state, batch).jaxpr)


@pytest.mark.parametrize("name", CELLS)
def test_nothing_in_a_training_step_is_shorter_than_float64(name, x64):
    assert kinds(CELLS[name]) == {"float64"}


@pytest.mark.parametrize(("name", "method"), OTHERS)
def test_no_method_or_gradient_shortens_it(name, method, x64):
    assert kinds(CELLS[name], method=method) == {"float64"}


@pytest.mark.parametrize(
    "optimizer",
    [
        *(Optimizer(name) for name in ("adamw", "sgd", "rmsprop", "lion", "adabelief", "nadam")),
        *(Optimizer(schedule=shape, warmup=3) for shape in ("cosine", "linear", "exponential")),
        Optimizer(accumulate=2),
    ],
    ids=str,
)
def test_no_optimizer_schedule_or_sum_of_gradients_shortens_it(optimizer, x64):
    """Whole numbers divided make float32 in JAX whatever is switched on, and optax adds up gradients in it."""
    assert kinds(GRU, optimizer) == {"float64"}


def test_the_walk_finds_what_is_shorter(x64):
    cell = lj.MixedPrecision(CELLS["gru"])
    assert kinds(cell) == {"float64", "bfloat16"}
    rounded = lambda outputs, batch: squares(outputs.astype(np.float32).astype(float), batch)  # noqa: E731
    assert kinds(GRU, objective=rounded) == {"float32", "float64"}


def test_data_are_not_rounded_on_their_way(x64):
    """Each number differs from all of float32; the durations are those of times far from zero."""
    third = 1 / 3
    times = 1e9 + third * np.arange(4)
    series = third * np.arange(1.0, 5)[:, None]
    data = SequenceDataset.of([series, -series], [times, times], targets=[third, -third])
    preparation = Preparation.learnt(data, time_unit=1.0, scale=False)
    for objective, targets in ((Regression(), [[third], [-third]]), (Forecast(), [series, -series])):
        ready = examples(data, preparation, objective)
        batch = ready.batch(np.arange(2), 4)
        arrays = [batch.inputs, batch.dt, batch.weight, ready.targets]
        assert {np.asarray(array).dtype for array in arrays} == {np.dtype(float)}
        np.testing.assert_array_equal(ready.inputs, [series, -series])
        np.testing.assert_array_equal(ready.dt[0, 1:], np.diff(times))
        np.testing.assert_array_equal(ready.targets, targets)
    assert np.any(np.float64(np.float32(series)) != series)  # so rounding would have shown


def test_without_x64_they_are_float32():
    ready = examples(values(), Preparation.learnt(values()), Regression())
    assert ready.targets is not None
    assert {ready.inputs.dtype, ready.dt.dtype, ready.targets.dtype} == {np.dtype(np.float32)}


def test_a_training_in_float64_ends_in_it_and_goes_on_in_it(tmp_path, x64):
    """Parameters, optimizer, losses and checkpoints; stopped and gone on with, it is the same to the bit."""
    whole = trained(epochs=2, validation=values(1))
    leaves = jax.tree.leaves((whole.params, whole.last.params, whole.last.opt_state))
    assert {leaf.dtype for leaf in leaves if jnp.issubdtype(leaf.dtype, jnp.floating)} == {np.dtype(float)}
    loss = float(whole.history[0].loss)
    assert loss != float(np.float32(loss))
    asked = []
    checkpoints = Checkpoints(tmp_path / "checkpoints", 0)
    trained(
        epochs=2, validation=values(1), checkpoints=checkpoints, stop=lambda: bool(asked.append(1)) or len(asked) > 2
    )
    again = trained(epochs=2, validation=values(1), checkpoints=checkpoints)
    assert same_bits((again.params, again.last.opt_state), (whole.params, whole.last.opt_state))


def test_predict_answers_in_the_precision_of_the_model_whatever_is_switched_on():
    with jax.enable_x64(True):
        fitted = trained(epochs=1)
        expected = predict(fitted.model(), values())
    found = predict(fitted.model(), values())
    np.testing.assert_array_equal(found.answers, expected.answers)
    assert found.scores == expected.scores and found.loss == expected.loss
    assert np.any(found.answers != found.answers.astype(np.float32))


def test_bfloat16_learns_where_float32_does():
    """Two frequencies, told apart: both have learnt it, from a loss of log 2."""
    rng, labels = np.random.default_rng(0), np.arange(32) % 2
    waves = [np.sin((1 + y) * np.arange(12.0)[:, None] + rng.uniform(0, 6)) for y in labels]
    data = SequenceDataset.of(waves, targets=labels, classes=("slow", "fast"))
    losses = {}
    for precision in ("float32", "bfloat16"):
        cell = lj.Readout(in_precision(lj.GRU(1, 8), precision), 2)
        fitted = fit(cell, Classification(), data, optimizer=Optimizer(learning_rate=0.05), epochs=30, batch_size=32)
        assert {leaf.dtype for leaf in jax.tree.leaves(fitted.params)} == {np.dtype(np.float32)}
        losses[precision] = float(fitted.history[-1].loss)
    assert max(losses.values()) < 0.1 and losses["float32"] != losses["bfloat16"]


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("float16", "one of float32, float64, bfloat16, got 'float16', whose least normal number, 6e-05, is above"),
        ("double", "precision must be one of float32, float64, bfloat16, got 'double'$"),
        (64, "got 64$"),
        (None, "got None$"),
    ],
)
def test_other_precisions_are_refused(value, sentence):
    with pytest.raises(ValueError, match=sentence):
        check_precision("precision", value)


def test_a_cell_that_cannot_be_trained_in_bfloat16_is_refused_before_it_is():
    with pytest.raises(ValueError, match="nothing to do in LTC"):
        in_precision(CELLS["ltc"], "bfloat16")
    assert in_precision(CELLS["ltc"], "float64") == CELLS["ltc"]


def test_the_precision_of_parameters_is_that_of_the_longest():
    assert precision_of({"a": np.zeros(1, np.float32), "b": np.zeros(1)}) == "float64"
    assert precision_of({"a": np.zeros(1, np.float32), "b": np.zeros(1, int)}) == "float32"
