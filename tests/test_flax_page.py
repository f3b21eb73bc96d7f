"""The blocks of docs/flax.md run as they stand, one after another, and do what the page says."""

import re
from pathlib import Path

import jax
import numpy as np
import pytest

import liquidjax as lj
import liquidjax.linen as llinen
import liquidjax.nnx as lnnx

PAGE = (Path(__file__).parent.parent / "docs" / "flax.md").read_text()


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """What the blocks define, and `at`, by which names had which values after which block."""
    with pytest.MonkeyPatch.context() as patch, jax.numpy_dtype_promotion("standard"):
        patch.chdir(tmp_path_factory.mktemp("page"))
        found: dict = {"at": []}
        for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL):
            exec(compile(block, "docs/flax.md", "exec"), found)
            found["at"].append(dict(found))
        yield found


def after(names, part):
    """The names after the block with that part."""
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (place,) = (i for i, block in enumerate(blocks) if part in block)
    return names["at"][place]


def test_outputs_have_the_axes_of_the_inputs(names):
    shapes = {
        "rnn = nnx.RNN": (4, 20, 1),
        "seq_lengths": (4, 20, 1),
        "nnx.Bidirectional": (4, 20, 2),
        "make_mesh": (4, 20, 64),
        "linen.Bidirectional": (4, 20, 1),
        "import equinox": (4, 20, 1),
    }
    assert {part: after(names, part)["outputs"].shape for part in shapes} == shapes


def test_padding_is_zero(names):
    outputs = np.asarray(after(names, "seq_lengths")["outputs"])
    assert not outputs[1, 12:].any() and not outputs[3, 7:].any() and outputs[1, :12].all()


def test_the_training_learns_and_keeps_its_constraints(names):
    losses = [float(loss) for loss in names["losses"]]
    assert losses == sorted(losses, reverse=True) and losses[-1] < losses[0]
    assert np.all(names["model"].rnn.cell.params.leak_conductance[...] >= 0)


def test_both_directions_take_the_times_as_bidirectional_of_ours_does(names):
    ahead, back, inputs, dt = (after(names, "to_next")[name] for name in ("ahead", "back", "inputs", "dt"))
    ours = lj.Bidirectional(names["cell"])
    params = jax.tree.unflatten(
        jax.tree.structure(jax.eval_shape(ours.init, jax.random.key(0))),
        [*jax.tree.leaves(ahead.pure()[1]), *jax.tree.leaves(back.pure()[1])],
    )
    wanted = ours.unroll(params, inputs.swapaxes(0, 1), dt.T)[1].swapaxes(0, 1)
    np.testing.assert_allclose(after(names, "to_next")["outputs"], wanted, rtol=1e-4, atol=1e-5)


def test_the_model_file_is_what_was_trained(names):
    before, loaded = after(names, "StandardCheckpointer")["model"], names["model"]
    np.testing.assert_array_equal(before.rnn(names["inputs"]), loaded.rnn(names["inputs"]))


def test_linen_computes_what_unroll_does(names):
    outputs, pure = after(names, "linen.Bidirectional")["outputs"], after(names, "from_linen(")["outputs"]
    np.testing.assert_allclose(outputs, pure.swapaxes(0, 1), rtol=1e-5, atol=1e-6)


def test_the_module_of_equinox_is_ten_lines_and_computes_what_unroll_does(names):
    (recipe,) = re.findall(r"class Liquid.*?\n\n\n", PAGE, re.DOTALL)
    assert len([line for line in recipe.splitlines() if line]) <= 10
    liquid = names["liquid"]
    params, inputs, dt = liquid.params, names["inputs"], names["dt"]
    wanted = lj.unroll(names["cell"], params, inputs.swapaxes(0, 1), dt.T)[1].swapaxes(0, 1)
    np.testing.assert_allclose(names["outputs"], wanted, rtol=1e-5, atol=1e-6)
    assert jax.tree.structure(names["gradient"].params) == jax.tree.structure(params)
    assert any(np.any(leaf) for leaf in jax.tree.leaves(names["gradient"].params))


def test_what_the_page_names_is_there(names):
    for module in (lnnx, llinen):
        used = set(re.findall(rf"\bl{module.__name__.split('.')[-1]}\.(\w+)", PAGE))
        assert used
        for name in used:
            assert hasattr(module, name), name
    assert names["model"].rnn.cell.params.synapses.weight.shape
