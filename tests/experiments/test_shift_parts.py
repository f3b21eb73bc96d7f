"""The parts of the shift experiment: tasks, conditions and designs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from liquidjax.analysis.parameters import count_parameters
from liquidjax.experiments.shared.networks import reading
from liquidjax.experiments.shift import conditions, tasks
from liquidjax.experiments.shift.conditions import Condition
from liquidjax.experiments.shift.config import Budget, Grid, ShiftConfig
from liquidjax.experiments.shift.designs import DESIGNS, MIXED, build
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.periods import periods
from liquidjax.tasks.preparation import Preparation
from liquidjax.training.parameters import by_name


@pytest.fixture(scope="module")
def sines():
    return tasks.load("sines", series=40, test_series=20)


@pytest.mark.parametrize("name", list(tasks.TASKS))
def test_every_rate_of_a_task_has_the_same_series_over_the_same_time(name):
    task = tasks.load(name, 60, 20)
    clean = task.test[1.0]
    assert list(task.test) == [0.25, 0.5, 1.0, 2.0, 4.0] and len(clean) == 20
    for rate, data in task.test.items():
        np.testing.assert_array_equal(data.targets, clean.targets)
        gaps = np.diff(data.times, axis=1)[data.mask[:, 1:]]
        np.testing.assert_allclose(gaps, task.gap / rate)
        ends = np.where(data.mask, data.times, -np.inf).max(1), np.where(clean.mask, clean.times, -np.inf).max(1)
        # A slower rate ends up to one of its steps earlier.
        assert np.all(ends[0] <= ends[1]) and np.all(ends[0] > ends[1] - max(1, 1 / rate) * task.gap)
    for rate in (0.25, 0.5) if name != "sines" else ():  # whose noise is that of each reading
        slow = task.test[rate]
        for row, length in enumerate(slow.lengths):
            np.testing.assert_array_equal(slow.inputs[row, :length], clean.inputs[row, :: round(1 / rate)][:length])


@pytest.mark.parametrize("name", list(tasks.TASKS))
def test_the_parts_of_a_task_have_no_series_in_common(name):
    task = tasks.load(name, 10_000, 10_000)
    firsts = [{tuple(row[:3].ravel()) for row in part.inputs} for part in (task.training, task.validation)]
    firsts.append({tuple(row[:3].ravel()) for row in task.test[1.0].inputs})
    assert not firsts[0] & firsts[1] and not firsts[0] & firsts[2] and not firsts[1] & firsts[2]
    assert set(task.training.targets) == set(task.validation.targets) == set(range(task.classes))


def test_faster_rates_of_basic_motions_are_data_and_those_of_the_vowels_are_lines():
    motions, vowels = (tasks.load(name, 60, 10) for name in ("BasicMotions", "JapaneseVowels"))
    np.testing.assert_array_equal(motions.test[4.0].inputs[:, ::4], motions.test[1.0].inputs)
    between = motions.test[4.0].inputs[:, 2:-2:4]
    line = (motions.test[4.0].inputs[:, :-4:4] + motions.test[4.0].inputs[:, 4::4]) / 2
    assert np.abs(between - line).max() > 1 and motions.interpolated == ()
    fast, clean = vowels.test[2.0].inputs[0], vowels.test[1.0].inputs[0]
    np.testing.assert_allclose(fast[1:7:2], (clean[:3] + clean[1:4]) / 2, rtol=1e-5)
    assert vowels.interpolated == (2.0, 4.0)


def test_random_rates_have_every_training_series_once(sines):
    rates = np.diff(sines.mixed.times[:, :2], axis=1).ravel()
    assert set(rates) == {0.5, 1.0, 2.0} and len(sines.mixed) == 40
    counts = np.bincount(sines.mixed.targets), np.bincount(sines.training.targets)
    np.testing.assert_array_equal(*counts)


def test_the_conditions_and_their_variants(sines):
    found = conditions.conditions(sines, (0.5,), 4.0, (0.6,), (1.0,))
    assert [str(each) for each in found] == [
        *("clean 1", "rate 0.25", "rate 0.5", "rate 2", "rate 4", "lost 0.5", "bursts 0.5", "jitter 0.6", "noise 1")
    ]
    assert all(len(data) == 20 for data in found.values())
    spread = np.std(found[Condition("noise", 1.0)].inputs - sines.test[1.0].inputs)
    assert spread == pytest.approx(np.std(sines.training.inputs), rel=0.1)
    made = conditions.variants(found, sines.gap, ["told", "not told", "held"])
    assert {key for key in made if key[1].family in ("clean", "noise")} == {
        ("told", Condition("clean", 1.0)),
        ("told", Condition("noise", 1.0)),
    }
    for (variant, condition), data in made.items():
        gaps = np.diff(data.times, axis=1)[data.mask[:, 1:]]
        assert variant == "told" or np.all(gaps == 1)
        if variant == "not told":
            np.testing.assert_array_equal(data.inputs, found[condition].inputs)
    assert made["held", Condition("rate", 4.0)].inputs.shape[1] == 33


def test_a_filter_is_the_same_at_every_rate_for_inputs_that_are_held():
    coarse = SequenceDataset(np.random.default_rng(0).normal(size=(3, 9, 2)))
    fine = SequenceDataset(coarse.inputs.repeat(2, axis=1)[:, 1:-1], np.arange(16) / 2)
    slow, fast = conditions.smoothed(coarse, 3.0), conditions.smoothed(fine, 3.0)
    assert np.ptp(slow.inputs) < np.ptp(coarse.inputs) and fast.inputs.shape == (3, 16, 2)
    y, expected = coarse.inputs[:, 0], []
    for x in coarse.inputs.swapaxes(0, 1):
        y = y + (1 - np.exp(-1 / 3)) * (x - y)
        expected.append(y)
    np.testing.assert_allclose(slow.inputs, np.swapaxes(expected, 0, 1), rtol=1e-12)


def test_what_is_packed_is_answered_as_by_itself(sines):
    found = conditions.conditions(sines, (0.5,), 4.0, (), ())
    asked = conditions.variants(found, sines.gap, ["told", "not told"])
    preparation = Preparation.learnt(sines.training)
    packed = conditions.pack(asked, preparation)
    assert [part.examples.inputs.shape[1] for part in packed] == [33, 129]
    network = lj.Readout(lj.CTRNN(1, 3), 4)
    params = jax.vmap(network.init)(jax.random.split(jax.random.key(0), 2))
    got = conditions.accuracies(network, params, packed)
    assert list(got) == ["told", "not told"] and len(got["not told"]) == len(got["told"]) - 1
    for condition in (Condition("rate", 2.0), Condition("lost", 0.5)):
        data = found[condition]
        for row in range(2):
            model = lj.Model(network, jax.tree.map(lambda leaf, row=row: leaf[row], params), preparation)
            inputs, dt = preparation.apply(data)
            _, outputs = lj.unroll(network, model.params, inputs.swapaxes(0, 1), dt.T, mask=data.mask.T, validate=False)
            last = np.asarray(outputs)[data.lengths - 1, np.arange(len(data))]
            right = np.mean(last.argmax(-1) == data.targets)
            assert got["told"][str(condition)][row] == pytest.approx(right)


@pytest.mark.parametrize("name", list(DESIGNS))
def test_every_design_has_about_the_size_that_is_asked_for_and_knows_dt_as_it_says(name):
    design = DESIGNS[name]
    network = build(design, 2, 3, 500, lj.AutoNCP(16, 3), 2)
    assert (network.inputs, network.outputs) == (2, 3)
    assert design.wired or 0.75 < count_parameters(network) / 500 < 1.25
    params = network.init(jax.random.key(0))
    params = jax.tree.map(lambda leaf: leaf + 0.01, params)
    run = jax.jit(lambda dt: lj.unroll(network, params, jnp.ones((6, 1, 2)).at[2].set(-1.0), dt)[1])
    same = np.array_equal(run(1.0), run(0.5))
    assert same == (design.knows == "nothing")


def test_the_table_has_every_cell_and_all_factors():
    assert all((name in DESIGNS) for name in ("LTC-NCP", "LSTM with dt", "CT-RNN", "leaky + MLP", "leaky integrator"))
    for knows in ("nothing", "input", "dynamics"):
        assert any(d.cell == "CT-RNN" and d.knows == knows and d.mixed for d in DESIGNS.values())
    assert all(name.endswith(MIXED) == design.mixed for name, design in DESIGNS.items())
    assert sum(design.filtered for design in DESIGNS.values()) == 1


def test_a_gru_is_read_as_a_step_of_an_equation_with_the_parameters_it_has():
    network = build(DESIGNS["GRU"], 2, 3, 200, lj.AutoNCP(16, 3), 2)
    params, inputs = network.init(jax.random.key(0)), np.random.default_rng(0).normal(size=(5, 2, 2))
    for form in ("euler", "exact"):
        other = reading(network, form)
        assert by_name(other.init(jax.random.key(0))).keys() == by_name(params).keys()
        same = lj.unroll(other, params, inputs, 1.0)[1], lj.unroll(network, params, inputs)[1]
        np.testing.assert_allclose(*same, atol=1e-6)
        assert np.abs(lj.unroll(other, params, inputs, 0.5)[1] - same[1]).max() > 1e-3


def test_seeds_are_trained_in_groups_of_one_size_and_none_of_them_tunes():
    config = ShiftConfig(seeds=4, headline_seeds=8, budget=Budget(learning_rates=(0.1, 0.2), filters=(1.0, 2.0)))
    assert [len(group) for group in config.groups("LTC-NCP")] == [4, 4] and len(config.groups("CfC")) == 1
    assert min(np.concatenate(config.groups("LTC-NCP"))) >= 100


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ShiftConfig(seeds=7), "seeds must be a multiple of 6, .*got 7"),
        (lambda: ShiftConfig(designs=("LSTM", "LTSM")), "designs must be some of 29: LTC-NCP, .*got 'LTSM'"),
        (lambda: ShiftConfig(tasks=("sines", "sines")), "tasks must be some of 4: .*got one twice"),
        (lambda: ShiftConfig(neurons=8), "neurons must be at least 16"),
        (lambda: ShiftConfig(budget=Budget(filters=(1.0,))), "filters must be as many as learning_rates, 3, .*got 1"),
        (lambda: Grid(rates=(3.0,)), r"rates must be some of 0.25, 0.5, 2.0, 4.0, got 3.0"),
        (lambda: Grid(lost=(0.9,)), "burst at least 1 and lost / .1 - lost., got lost 0.9 and burst 4.0"),
        (lambda: Grid(jitter=(0.3, 0.3)), "jitter must be different numbers"),
        (lambda: Budget(learning_rates=()), "learning_rates must be 1 to 20 different numbers, got 0"),
        (lambda: Budget(learning_rates=(2.0,)), "learning_rates must be at most 1, got 2.0"),
    ],
)
def test_settings_that_fit_nothing_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_sine_is_the_same_at_every_rate():
    quiet = [periods(8, gap=gap, noise=0.0, seed=2).inputs for gap in (1.0, 0.25)]
    np.testing.assert_allclose(quiet[1][:, ::4], quiet[0], atol=1e-5)
