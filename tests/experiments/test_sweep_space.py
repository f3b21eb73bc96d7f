"""The space of a sweep: read strictly, and every value of it goes through the reader of configurations."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidjax.experiments.supervised.config import SupervisedConfig, Training
from liquidjax.experiments.sweep import space
from liquidjax.experiments.sweep.space import Choices, Span

BASE = SupervisedConfig()
FILLS, FEATURES = ["carry", "mean"], [["x"], ["x", "y"]]
KEYS = st.sampled_from(["low", "high", "step", "log", "x"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=6,
)
PLACES = ["training.epochs", "training.clip", "model.cell", "data.features", "data", "", "a.b"]


def read(tmp_path, text, base=BASE):
    (tmp_path / "space.yaml").write_text(text)
    return space.read(tmp_path / "space.yaml", base)


def test_it_says_choices_and_ranges_of_settings_with_dots(tmp_path):
    found = read(
        tmp_path,
        "training.learning_rate: {low: 1e-4, high: 1, log: true}\n"
        "training.batch_size: {low: 16, high: 64, step: 16}\n"
        "training.clip: [0.5, null]\n"
        "model.cell: ['GRU(units=2)', CfC(units=3)]\n"
        "data.features: [[x, y], [x]]\n",
    )
    assert found == (
        Span("training.learning_rate", 1e-4, 1.0, True, None),
        Span("training.batch_size", 16, 64, False, 16),
        Choices("training.clip", (0.5, None)),
        Choices("model.cell", ("GRU(units=2)", "CfC(units=3)")),
        Choices("data.features", (["x", "y"], ["x"])),
    )
    assert isinstance(found[0].values[1], float) and isinstance(found[1].values[0], int)


def test_what_it_writes_is_read_back(tmp_path):
    found = read(
        tmp_path, "training.epochs: {low: 2, high: 8, step: 3}\ntraining.clip: {low: 1e-3, high: 2, log: true}"
    )
    more = read(tmp_path, "data.features: [[x, 'y: 1'], ['1']]\ntraining.clip: [1.0, null]")
    for each in (found, more):
        assert read(tmp_path, "\n".join(map(space.as_yaml, each))) == each


@settings(deadline=None, max_examples=30)
@given(st.floats(1e-6, 1e3), st.integers(1, 1000), st.sampled_from(FILLS), st.sampled_from(FEATURES))
def test_a_trial_is_the_configuration_with_its_values_and_nothing_else(rate, epochs, fill, features):
    given = {"training.learning_rate": {"low": 1e-6, "high": 1e3}, "training.epochs": {"low": 1, "high": 1000}}
    given |= {"inputs.fill": FILLS, "data.features": FEATURES}
    base = SupervisedConfig(training=Training(epochs=7, seed=5))
    asked = space.of(given, base)
    values = {"training.learning_rate": rate, "training.epochs": epochs, "inputs.fill": fill}
    found = space.applied(asked, base, values | {"data.features": space.plain(features)})
    expected = replace(base.training, learning_rate=rate, epochs=epochs)
    assert found == SupervisedConfig(
        replace(base.data, features=tuple(features)), replace(base.inputs, fill=fill), training=expected
    )


@settings(deadline=None, max_examples=200)
@given(ANYTHING, st.sampled_from(PLACES))
def test_whatever_stands_there_is_refused_in_a_sentence_or_can_be_applied(what, place):
    try:
        found = space.of({place: what}, BASE)
    except ValueError as error:
        assert str(error) and "\n" not in str(error)
        return
    for value in found[0].values:
        space.applied(found, BASE, {place: space.plain(value)})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "",
            "the space must name at least one setting, such as training.learning_rate: {low: 1e-4, high: 1e-1, log: tr",
        ),
        ("[a, b]", "the space must name at least one setting"),
        (
            "training.learing_rate: [1, 2]",
            "unknown key `training.learing_rate`; did you mean `training.learning_rate`?",
        ),
        ("training.learing_rate: 3", "unknown key `training.learing_rate`; did you mean `training.learning_rate`?"),
        ("learning_rate: [1, 2]", "unknown key `learning_rate`; did you mean `training.learning_rate`?"),
        (
            "training: {learning_rate: [1, 2]}",
            "`training` is a section: name a setting in it with dots, such as `training.",
        ),
        ("training.epochs.x: [1, 2]", "unknown key `training.epochs.x`; did you mean `training.epochs`?"),
        (
            "training.epochs: 3",
            "`training.epochs` must be a list of choices or a range such as {low: 1, high: 8}, got 3",
        ),
        ("training.epochs: [3]", "`training.epochs` must have at least two choices, got [3]"),
        ("training.learning_rate: [1, 0.1, 1.0]", "`training.learning_rate` has the choice 1.0 twice"),
        ("training.epochs: [1, 2.5]", "`training.epochs` must be int, got float 2.5"),
        ("training.epochs: [0, 1]", "training: epochs must be an integer of at least 1, got 0"),
        ("training.epochs: {low: 0, high: 4}", "training: epochs must be an integer of at least 1, got 0"),
        ("training.epochs: {low: 1.0, high: 4.0}", "`training.epochs` must be int"),
        ("training.epochs: {low: 1, high: 4, step: 1.5}", "`training.epochs.step` must be a whole number"),
        ("training.epochs: {low: 1, high: 4, step: 1.0}", "`training.epochs.step` must be a whole number"),
        ("training.epochs: {low: 1, high: 4, step: 2}", "high must be some steps above low, got 1, 4 and step 2"),
        ("training.epochs: {low: 4, high: 4}", "training.epochs: low must be below high, got 4 and 4"),
        ("training.epochs: {low: 4}", "`training.epochs` must have the key `high` too"),
        ("training.epochs: {low: 1, hihg: 4}", "unknown key `training.epochs.hihg`; did you mean `high`?"),
        ("training.clip: {low: 0, high: 1, log: true}", "low must be above 0 with log: true, got 0"),
        ("training.clip: {low: 1, high: 2, log: true, step: 1}", "step must be left out with log: true"),
        ("training.clip: {low: .inf, high: 1}", "`training.clip.low` must be float"),
        ("training.clip: {low: 1, high: 1e999}", "high must be finite, got inf"),
        ("inputs.scale: {low: 0, high: 1}", "`inputs.scale` must be bool"),
        ("model.cell: {low: 1, high: 2}", "`model.cell` must be str"),
        ("model.cell: [GRU(units=2), GRU(unit=2)]", "model: cell: unknown field 'unit' of GRU; did you mean"),
        ("training.seed: [1, 2]", "`training.seed` must be left out of a space: --seeds says by how many seeds"),
        ("training.members.seed: [[1, 2], [3, 4]]", "`training.members.seed` must be left out of a space"),
        ("data.split_seed: [1, 2]", "trials that are measured on other data cannot be compared"),
        ("model.compare: [[LSTM], [GRU]]", "a trial trains model.cell alone"),
        ("training.epochs: [1, 2]\ntraining.epochs: [3, 4]", "the key `training.epochs` comes twice"),
        ("training.clip: *x", "not YAML"),
    ],
)
def test_mistakes_are_named_with_their_place(tmp_path, text, message):
    with pytest.raises(ValueError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value) and str(tmp_path / "space.yaml") in str(caught.value)


def test_a_grid_has_every_value_and_an_end():
    found = space.of({"training.clip": {"low": 0.5, "high": 2, "step": 0.5}, "inputs.fill": ["mean", "carry"]}, BASE)
    assert space.points(found) == {"training.clip": [0.5, 1.0, 1.5, 2.0], "inputs.fill": ["mean", "carry"]}
    whole = space.of({"training.epochs": {"low": 3, "high": 5}}, BASE)
    assert space.points(whole) == {"training.epochs": [3, 4, 5]}
    for what in ({"low": 0.5, "high": 2}, {"low": 1, "high": 2, "log": True}):
        with pytest.raises(ValueError, match=r"`training\.clip` must be a list of choices, or have a step"):
            space.points(space.of({"training.clip": what}, BASE))
    for many in (
        {"training.epochs": {"low": 1, "high": 900_000}},
        {"training.epochs": {"low": 1, "high": 500}, "training.batch_size": {"low": 1, "high": 500}},
    ):
        with pytest.raises(ValueError, match="a grid must have at most 100,000 points"):
            space.points(space.of(many, BASE))


@pytest.mark.parametrize("page", ["README.md", "docs/sweep.md"])
def test_the_space_of_the_pages_is_one(page, tmp_path):
    text = (Path(__file__).parents[2] / page).read_text()
    lines = text[text.index("training.learning_rate: {low") :].splitlines()
    end = next(number for number, line in enumerate(lines) if not line.strip() or line.startswith("```"))
    indent = "    " if page == "README.md" else ""
    found = read(tmp_path, "\n".join(line.removeprefix(indent) for line in lines[:end]))
    assert found[0] == Span("training.learning_rate", 1e-4, 0.1, True, None)
    assert found[-1] == Choices("model.cell", ("LTC(wiring=AutoNCP(16, 4))", "CfC(units=32)"))
