"""Arguments of the wrong kind: whatever comes in the place of an argument, a sentence says what belongs there."""

import dataclasses
import inspect
import math
import sys
import tempfile
from pathlib import Path
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax
from drawn import drawn
from liquidjax.tasks.preparation import Preparation
from small_cells import squared_error

lj: Any = liquidjax  # a type checker would refuse what is passed here, which is the point
KEY = jax.random.key(0)
GRU, GATED, HASANI = lj.GRU(2, 3), lj.GatedLinear(2, 2), lj.HasaniLTC(2, 3)
LTC = lj.LTC(2, lj.FullyConnected(3))
INPUTS, TIMES = np.ones((4, 2), np.float32), np.arange(4.0, dtype=np.float32)
MASK = np.array([[1, 0], [-1, 1]])
NETWORK = lj.ODENet(2, 3)
LAYER = lj.SparseLinear(MASK)
PLAIN = lj.NCPNetwork(2, 4, 1)
HEAD, CNN = lj.ConvolutionalHead(16, 24), lj.CNN(53, 53)
ADJOINT = diffrax.RecursiveCheckpointAdjoint()
MODEL = dict(cell=GRU, params=drawn(GRU), preparation=Preparation((0.0, 1.0), (1.0, 2.0)), objective=None)
MODEL |= dict(features=("a", "b"), classes=("a",), outputs=("a",), notes={"a": "b"})
FOLDER = tempfile.TemporaryDirectory()
FILE = Path(FOLDER.name) / "model.safetensors"
lj.Model(**MODEL).save(FILE)


def decay(rate, t, x):
    """A field for `solve`."""
    return -rate * x


def of_cell(cell, **others):
    """The arguments that most functions have."""
    return dict(cell=cell, params=drawn(cell), inputs=INPUTS, dt=0.5) | others


SIZES, RUN = dict(inputs=2, units=3), dict(state=np.zeros(3), key=KEY)
THREE: dict[str, Any] = dict(inputs=2, neurons=4, outputs=1, sparsity=0.5, initialiser="zero", seed=1, signed=False)
THREE["masks"] = lj.Layered(4, 1, 0.5, 1).masks(2)
GRAPH = lj.AutoNCP(8, 2).graph(2)
# Every public function and class with arguments that are right; nothing else in this file knows what they are.
RIGHT = {
    lj.FullyConnected: dict(units=3, outputs=2, seed=1, self_connections=True),
    lj.Random: dict(units=3, outputs=2, sparsity=0.5, seed=1),
    lj.AutoNCP: dict(units=8, outputs=2, sparsity=0.5, seed=1),
    lj.NCP: dict(
        inter=3,
        command=2,
        motor=1,
        sensory_fanout=2,
        inter_fanout=1,
        recurrent_command_synapses=1,
        motor_fanin=1,
        seed=1,
    ),
    lj.Layered: dict(neurons=4, outputs=1, sparsity=0.5, seed=1),
    lj.Custom: dict(adjacency=MASK, sensory_adjacency=MASK, outputs=1),
    lj.Graph: dict(
        adjacency=GRAPH.adjacency,
        sensory_adjacency=GRAPH.sensory_adjacency,
        outputs=2,
        layers=GRAPH.layers,
        roles=GRAPH.roles,
    ),
    lj.SemiImplicit: dict(unfolds=2),
    lj.Exponential: dict(unfolds=2),
    lj.Euler: dict(unfolds=2),
    lj.Midpoint: dict(unfolds=2),
    lj.RK4: dict(unfolds=2),
    lj.Diffrax: dict(
        solver=diffrax.Tsit5(),
        controller=diffrax.PIDController(rtol=1e-3, atol=1e-3),
        adjoint=ADJOINT,
        first_step=0.5,
        max_steps=99,
    ),
    lj.InitialRanges: {
        name: 2.0 if name.endswith("reversal_potential") else (0.1, 1.0)
        for name in inspect.signature(lj.InitialRanges).parameters
    },
    lj.LTC: dict(
        inputs=2,
        wiring=lj.FullyConnected(3),
        integrator=lj.Euler(),
        input_mapping="linear",
        output_mapping="linear",
        constraints="explicit",
        epsilon=0.5,
        initial_ranges=lj.InitialRanges(),
    ),
    lj.HasaniLTC: dict(**SIZES, integrator=lj.Euler()),
    lj.GatedLinear: dict(**SIZES, integrator=lj.Euler()),
    lj.CTRNN: dict(**SIZES, integrator=lj.Euler(), time_constant=1.0, learn_time_constant=True),
    lj.NeuralODE: dict(**SIZES, hidden_units=3, integrator=lj.Euler()),
    lj.CfC: dict(**SIZES, mode="pure", backbone_units=3, backbone_layers=1, activation="tanh", dropout=0.5),
    lj.WiredCfC: dict(inputs=2, wiring=lj.FullyConnected(3), mode="pure", obey_wiring=True),
    lj.GRU: SIZES,
    lj.LSTM: dict(**SIZES, forget_bias=1.0),
    lj.GRUD: dict(inputs=2, units=3, indicators=True),
    lj.TLSTM: dict(**SIZES, discount="shifted", forget_bias=1.0),
    lj.EulerGRU: dict(**SIZES, form="exact", integrator=lj.Euler()),
    lj.LeakyIntegrator: dict(**SIZES, integrator=lj.Euler(), time_constants=(0.5, 2.0), learn_time_constants=True),
    lj.WithTime: dict(cell=GRU, reads="log", typical_dt=0.5),
    lj.NCPLiquidCell: dict(inputs=2, units=2, mask=MASK, initialiser="zero", signed=False),
    lj.SparseLinear: dict(mask=MASK, initialiser="zero", bias=True, signed=False),
    lj.Readout: dict(cell=GRU, outputs=3),
    lj.Bidirectional: dict(forward=GRU, backward=GRU),
    lj.Stream: dict(cell=GRU, params=drawn(GRU), batch=(), first_dt=1.0, unit=None, validate=True),
    lj.Block: dict(cell=GATED, dropout=0.5, feed_forward=True),
    lj.Stack: dict(inputs=2, cell=GATED, layers=2),
    lj.StepLoss: dict(cell=GRU, loss=squared_error, targets=3),
    lj.MixedPrecision: dict(cell=GRU),
    lj.MixedMemory: dict(cell=GRU, inputs=2, writes="state", forget_bias=1.0),
    lj.LiquidNCPNetwork: THREE,
    lj.LiquidNCPStack: THREE,
    lj.NCPNetwork: THREE,
    lj.ODENet: dict(inputs=2, units=3, outputs=3, duration=1.0, integrator=lj.Euler(), time_dependent=False),
    lj.ConvolutionalHead: dict(height=16, width=24),
    lj.CNN: dict(height=53, width=53),
    lj.Chunked: dict(length=2),
    lj.Recursive: dict(checkpoints=9),
    lj.SegmentedAdjoint: dict(length=2, unfolds=2),
    lj.Backsolve: dict(anyway=True, unfolds=2),
    lj.Newton: dict(jacobian="full", iterations=2, tolerance=0.5),
    lj.unroll: of_cell(
        GRU,
        **RUN,
        mask=np.ones(4, bool),
        reset=np.zeros(4, bool),
        reverse=False,
        gradient=lj.Remat(),
        method=lj.Scan(),
        validate=True,
    ),
    lj.step: of_cell(GRU, inputs=INPUTS[0], state=np.zeros(3), key=KEY, reset=np.bool_(False), validate=True),
    lj.integrate: dict(
        cell=LTC,
        params=LTC.init(KEY),
        times=TIMES,
        inputs=INPUTS,
        state=np.zeros(3),
        mask=np.ones(4, bool),
        interpolation="held",
        integrator=lj.Diffrax(),
        gradient=lj.Recursive(),
        throw=True,
    ),
    lj.solve: dict(
        field=decay,
        params=1.0,
        start=np.ones(2, np.float32),
        times=TIMES,
        integrator=lj.Euler(),
        mask=np.ones(4, bool),
        throw=True,
    ),
    lj.time_constant: dict(cell=LTC, params=LTC.init(KEY), state=np.zeros(3), inputs=INPUTS[0]),
    lj.equilibrium: dict(cell=LTC, params=LTC.init(KEY), state=np.zeros(3), inputs=INPUTS[0]),
    lj.time_constant_bounds: dict(cell=LTC, params=LTC.init(KEY)),
    lj.state_bounds: dict(cell=LTC, params=LTC.init(KEY)),
    lj.state_sensitivity: of_cell(GRU, state=np.zeros(3)),
    lj.lyapunov_exponent: of_cell(GRU, **RUN),
    lj.newton_convergence: of_cell(GRU, **RUN, mask=np.ones(4, bool), reset=np.zeros(4, bool), method=lj.Newton()),
    lj.euler_instability: dict(params=HASANI.init(KEY), dt=0.5),
    lj.project: dict(params=LTC.init(KEY), cell=LTC),
    lj.calibrate: dict(cell=LTC, params=LTC.init(KEY), inputs=INPUTS, dt=0.5, mask=np.ones(4, bool), rounds=2),
    lj.check_values: dict(inputs=INPUTS, dt=0.5, mask=np.ones(4, bool)),
    lj.elapsed: dict(timestamps=TIMES, first=0.5, mask=np.ones(4, bool)),
    lj.Model: MODEL,
    lj.load: dict(path=FILE, classes=(), functions=()),
    # Methods that a user calls, of one class for each way in which they are made.
    GRU.initial_state: dict(batch_shape=(2,)),
    LAYER.apply: dict(params=LAYER.init(KEY), inputs=INPUTS),
    PLAIN.apply: dict(params=PLAIN.init(KEY), inputs=INPUTS),
    NETWORK.apply: dict(params=NETWORK.init(KEY), inputs=INPUTS),
    NETWORK.solve: dict(params=NETWORK.init(KEY), inputs=INPUTS, times=TIMES),
    HEAD.apply: dict(params=HEAD.init(KEY), images=np.ones((16, 24, 3), np.float32)),
    CNN.apply: dict(params=CNN.init(KEY), images=np.ones((53, 53, 3), np.float32)),
}
NO_ARGUMENTS = {lj.BPTT, lj.Remat, lj.Scan, lj.Associative, lj.tune_cpu}
PROTOCOLS = {
    *(lj.Cell, lj.ODECell, lj.LayeredCell, lj.DeepCell, lj.BoundedCell, lj.CalibratedCell, lj.Wrapper),
    *(lj.Integrator, lj.FixedStep, lj.Wiring, lj.Gradient, lj.Method),
}
# What cells, wrappers and integrators are written with: called while they are traced, where nothing is looked at.
MATERIAL = {lj.advance, lj.step_inside, lj.vector_field, lj.NeuronLayer}
WITH_INIT = [cls(**RIGHT[cls]) for cls in RIGHT if inspect.isclass(cls) and hasattr(cls, "init")]

WRONG = {
    "None": None,
    "a string": "three",
    "a class": lj.AutoNCP,
    "an integer": 3,
    "a share": 2.5,
    "True": True,
    "NaN": math.nan,
    "a list": [[], [1]],
    "an object": lj.LSTM(5, 7),
    "its class": type,  # stands for the class of the right value
}
# What is right beyond what the value in the table shows: integers where a float stands, None where it is the default.
ALSO_RIGHT = {
    (lj.Model, "objective"): {"an object"},  # a frozen dataclass
    (lj.load, "path"): {"a string"},
    (lj.step, "reset"): {"True"},
    (lj.solve, "params"): set(WRONG),  # the field's own affair
    (lj.project, "params"): {"None", "an integer", "a share", "True", "NaN", "a list"},  # trees of numbers without LTC
    (lj.CTRNN, "time_constant"): {"a share"},
    (lj.LSTM, "forget_bias"): {"a share"},
    (lj.MixedMemory, "forget_bias"): {"a share"},
    (lj.TLSTM, "forget_bias"): {"a share"},
    (lj.WithTime, "typical_dt"): {"a share"},
    (lj.LTC, "epsilon"): {"a share"},
    (lj.InitialRanges, "reversal_potential"): {"a share"},
    (lj.InitialRanges, "sensory_reversal_potential"): {"a share"},
    (lj.ODENet, "duration"): {"a share"},
    (lj.Diffrax, "first_step"): {"a share"},
    (lj.Diffrax, "max_steps"): {"None"},
    (lj.LTC, "input_mapping"): {"None"},
    (lj.LTC, "output_mapping"): {"None"},
    (lj.elapsed, "first"): {"a share"},
    (lj.Stream, "first_dt"): {"a share"},
    (lj.euler_instability, "dt"): {"a share"},
}


def is_right(function, name, value, kind):
    if kind in ALSO_RIGHT.get((function, name), ()):
        return True
    default = inspect.signature(function).parameters[name].default
    if kind == "None":
        return default is None
    if kind == "an integer":
        return type(value) in (int, float)
    if kind == "a share":
        return name == "dt"
    if kind == "True":
        return isinstance(value, bool)
    return kind == "an object" and name == "cell"  # another cell is one; its parameters are another matter


ARGUMENTS = [
    pytest.param(function, name, id=f"{function.__qualname__}-{name}")
    for function, arguments in RIGHT.items()
    for name in arguments
]


def test_the_table_is_complete():
    public = {value for name, value in vars(lj).items() if callable(value) and not name.startswith("_")}
    assert public == {f for f in RIGHT if not inspect.ismethod(f)} | NO_ARGUMENTS | PROTOCOLS | MATERIAL
    for function, arguments in RIGHT.items():
        # `state` of check_values and `unit` of elapsed are looked at in test_unroll.py.
        parameters = inspect.signature(function).parameters
        left_out = {name for name, p in parameters.items() if p.kind is not p.VAR_KEYWORD} - arguments.keys()
        assert left_out <= {"dtype", "throw", "state", "unit"}, (function, left_out)


def test_what_the_table_calls_right_is_taken():
    for function, arguments in RIGHT.items():
        function(**arguments)


def assert_one_sentence(error, *names):
    text = str(error)
    assert "\n" not in text and ". " not in text and len(text) < 400, text
    assert any(name in text for name in names), text


@pytest.mark.parametrize(("function", "name"), ARGUMENTS)
def test_a_wrong_kind_is_refused_in_a_sentence_that_names_it(function, name):
    value, tried = RIGHT[function][name], 0
    for kind, wrong in WRONG.items():
        if not is_right(function, name, value, kind):
            wrong, tried = type(value) if kind == "its class" else wrong, tried + 1
            with pytest.raises((ValueError, TypeError)) as refusal:
                pytest.fail(f"{kind} was taken for {name}: {function(**RIGHT[function] | {name: wrong})}")
            assert_one_sentence(refusal.value, name)
    assert tried > 2 or name == "params"


@pytest.mark.parametrize("cell", WITH_INIT, ids=lambda cell: type(cell).__name__)
def test_a_key_is_one_key_of_either_style(cell):
    """jax.random.PRNGKey(0) gives the parameters of jax.random.key(0); anything else is refused."""
    for new, old in zip(*(jax.tree.leaves(cell.init(key)) for key in (KEY, jax.random.PRNGKey(0))), strict=True):
        np.testing.assert_array_equal(new, old)
    several, numbers = jax.random.split(KEY, 2), np.zeros(2, np.float32)
    for wrong in (None, 0, "key", jax.random.key, several, jax.random.key_data(several), numbers):
        with pytest.raises(ValueError) as refusal:
            cell.init(wrong)
        assert_one_sentence(refusal.value, "key must be one key such as jax.random.key(0), got")


@pytest.mark.parametrize("cls", [cls for cls in RIGHT if dataclasses.is_dataclass(cls)], ids=lambda cls: cls.__name__)
def test_numbers_of_numpy_are_those_of_python(cls):
    """Equal, of equal hash, and held as Python's: np.int64(3) is 3, np.float32(0.5) is 0.5, np.True_ is True."""
    arguments = RIGHT[cls]
    if cls in (lj.Graph, lj.Model):  # arrays, which do not compare
        return
    numbers = {int: np.int64, float: np.float32, bool: np.bool_}
    ours, theirs = (
        cls(**arguments | {name: of.get(type(value), lambda x: x)(value) for name, value in arguments.items()})
        for of in ({}, numbers)
    )
    assert ours == theirs and hash(ours) == hash(theirs) and repr(ours) == repr(theirs)
    as_0d = {name: np.array(value) for name, value in arguments.items() if type(value) is int}
    assert cls(**arguments | as_0d) == ours
    for name, value in arguments.items():
        if type(value) is int:
            for wrong in (float(value), np.float64(value), np.array([value]), str(value), True):
                with pytest.raises(ValueError, match=f"{name} must be an integer"):
                    cls(**arguments | {name: wrong})


def test_equal_layers_of_numpy_sizes_share_one_cache():
    assert lj.LTC(np.int64(2), lj.AutoNCP(np.int32(8), np.uint8(2))) == lj.LTC(2, lj.AutoNCP(8, 2))
    wiring = lj.FullyConnected(3)
    assert wiring.graph(np.int64(2)) is wiring.graph(2)
    for wrong in (2.0, True, "2", None):  # found in the cache as 2 and 1, if it were asked
        with pytest.raises(ValueError, match="inputs must be an integer"):
            wiring.graph(wrong)


def test_a_graph_leaves_the_matrices_of_its_maker_alone():
    matrix = np.eye(2, dtype=int)
    graph = lj.Graph(matrix, matrix, 1, ((0, 1),), ("motor", "inter"))
    matrix[0, 0] = -1
    assert graph.adjacency[0, 0] == 1 and not graph.adjacency.flags.writeable
    for change, message in (
        ({"adjacency": np.ones((2, 3))}, "adjacency must be square"),
        ({"sensory_adjacency": np.ones((2, 3))}, r"sensory_adjacency must be \(inputs, units = 2\)"),
        ({"outputs": 3}, r"outputs must be in \[1, units = 2\], got 3"),
        ({"layers": ((0,), (0,))}, "layers must be tuples with every neuron from 0 to 1 in one of them"),
        ({"roles": ("motor",)}, "roles must be a role for each of 2 neurons"),
    ):
        right = dict(adjacency=np.eye(2), sensory_adjacency=np.eye(2), outputs=1, layers=((1,), (0,)), roles=("a", "b"))
        lj.Graph(**right)
        with pytest.raises(ValueError, match=message):
            lj.Graph(**right | change)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: lj.LTC(2, 32), "wiring must be a Wiring such as lj.FullyConnected(32), got 32"),
        (
            lambda: lj.CfC(2, lj.AutoNCP(8, 2)),
            "units must be an integer of at least 1, got AutoNCP(units=8, outputs=2, sparsity=0.5, seed=22222)",
        ),
        (
            lambda: lj.unroll(GRU, GRU.init(KEY), INPUTS, gradient="bptt"),
            "gradient must be a gradient such as lj.Remat(), lj.BPTT() or lj.Chunked(), got 'bptt'",
        ),
        (
            lambda: lj.unroll(GRU, GRU.init(KEY), INPUTS, gradient=lj.BPTT),
            "gradient must be a gradient such as lj.Remat(), lj.BPTT() or lj.Chunked(), got the class BPTT, not an "
            "instance of it",
        ),
        (
            lambda: lj.unroll(GRU, GRU.init(KEY), INPUTS, method=lj.BPTT()),
            'method must be "auto" or a method such as lj.Scan() or lj.Newton(), got BPTT()',
        ),
        (
            lambda: lj.GatedLinear(2, 3, lj.Euler),
            "integrator must be an Integrator such as lj.SemiImplicit(unfolds=6), got the class Euler, not an "
            "instance of it",
        ),
        (
            lambda: lj.Readout(lj.LTC, 2),
            "cell must be a Cell such as lj.GRU(inputs=2, units=8), got the class LTC, not an instance of it",
        ),
        (
            lambda: GRU.initial_state(8),
            "batch_shape must be a tuple of sizes such as () or (32,), got 8, write (8,)",
        ),
        (
            lambda: lj.step(GRU, GRU.init(KEY), None, INPUTS[0]),
            "state must have the structure PyTreeDef(*) as from GRU.initial_state(()), got PyTreeDef(None)",
        ),
        (
            lambda: lj.step(GRU, LTC.init(KEY), np.zeros(3), INPUTS[0]),
            "params must be what GRU.init(key) of this cell returns, got a LTCParams without params.inputs.weight",
        ),
        (
            lambda: lj.unroll(GRU, lj.GRU(2, 4).init(KEY), INPUTS),
            "params.inputs.weight must have the shape (2, 3, 3), as from GRU.init(key) of this cell, got (2, 3, 4)",
        ),
        (lambda: lj.FullyConnected(3, seed=None), "seed must be an integer of at least 0, got None"),
        (
            lambda: lj.AutoNCP(8, 2, seed=2**32),
            "seed must be below 2^32, the limit of numpy's older generator, got 4294967296",
        ),
        (
            lambda: lj.Diffrax(diffrax.Tsit5),
            "solver must be a solver of diffrax such as diffrax.Tsit5(), got the class Tsit5, not an instance of it",
        ),
        (lambda: lj.Newton(tolerance="small"), "tolerance must be a finite number, got 'small'"),
    ],
)
def test_the_sentence_says_what_to_write(make, sentence):
    with pytest.raises(ValueError) as refusal:
        make()
    assert str(refusal.value) == sentence


def test_parameters_are_looked_at_where_they_are_compiled_and_not_again(promotes, monkeypatch):
    """A stream pays nothing for it; other dtypes and parameters stacked under vmap are as good."""
    looked = []
    module = sys.modules["liquidjax.sequences.unroll"]
    original = module.check_params
    monkeypatch.setattr(module, "check_params", lambda *arguments: looked.append(1) or original(*arguments))
    cell = lj.GRU(2, 5)
    params = cell.init(KEY)
    state, _ = lj.step(cell, params, cell.initial_state(), INPUTS[0])
    assert len(looked) == 1
    for _ in range(3):
        state, _ = lj.step(cell, params, state, INPUTS[0])
    assert len(looked) == 1
    lj.unroll(cell, jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), params), INPUTS)
    stacked = jax.vmap(cell.init)(jax.random.split(KEY, 2))
    assert jax.vmap(lambda p: lj.unroll(cell, p, INPUTS)[1])(stacked).shape == (2, 4, 5)
    with pytest.raises(ValueError, match=r"params.inputs.weight must have the shape \(2, 3, 5\).*got \(2, 2, 3, 5\)"):
        lj.unroll(cell, stacked, INPUTS)
