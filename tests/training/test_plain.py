"""Plain data: every cell, wiring, integrator and model comes back from it, and nothing else does."""

import copy
import dataclasses
import enum
import json
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import liquidjax as lj
from liquidjax.tasks.preparation import Preparation
from liquidjax.training.description import describe
from liquidjax.training.plain import from_dict, to_dict
from liquidjax.training.registry import OURS, known_classes, of_diffrax
from test_conformance import CELLS, first_error
from untyped import untyped

MASK = [[1, 0], [-1, 1]]
TIMES = diffrax.StepTo(jnp.array([0.0, 0.5, 1.0]))
PID = diffrax.PIDController(rtol=1e-3, atol=jnp.array(1e-6), dtmax=math.inf, pcoeff=0.3, icoeff=1)
CHORD = diffrax.VeryChord(rtol=1e-3, atol=1e-3)
SOLVERS = [cls for cls in of_diffrax() if issubclass(cls, diffrax.AbstractSolver)]
# A function for each, so that nothing is equal because it is the same object.
OTHERS = {
    "fully connected": lambda: lj.FullyConnected(4, 2, seed=3, self_connections=False),
    "random": lambda: lj.Random(4, 2, 0.5, seed=1),
    "auto ncp": lambda: lj.AutoNCP(8, 2, 0.3, 7),
    "ncp": lambda: lj.NCP(3, 2, 1, 2, 1, 1, 1),
    "layered": lambda: lj.Layered(5, 2),
    "custom": lambda: lj.Custom(np.array(MASK), MASK, outputs=1),
    "semi-implicit": lambda: lj.SemiImplicit(3),
    "exponential": lambda: lj.Exponential(3),
    "euler": lambda: lj.Euler(3),
    "midpoint": lambda: lj.Midpoint(3),
    "rk4": lambda: lj.RK4(3),
    "diffrax": lambda: lj.Diffrax(),
    "diffrax, all of it": lambda: lj.Diffrax(diffrax.Heun(scan_kind="lax"), PID, diffrax.DirectAdjoint(), 0.5, 99),
    "a root finder": lambda: lj.Diffrax(diffrax.Kvaerno5(root_finder=CHORD), TIMES),
    "a controller in another": lambda: lj.Diffrax(controller=diffrax.ClipStepSizeController(PID, jnp.array([0.5]))),
    "an adjoint with a solver": lambda: lj.Diffrax(adjoint=diffrax.BacksolveAdjoint(solver=diffrax.Dopri5())),
    "forward mode": lambda: lj.Diffrax(adjoint=diffrax.ForwardMode(), controller=diffrax.ConstantStepSize()),
    "initial ranges": lambda: lj.InitialRanges(weight=(0.1, 0.2)),
    "sparse linear": lambda: lj.SparseLinear(MASK, "orthogonal", signed=True),
    "ncp network": lambda: lj.NCPNetwork(3, 10, 2),
    "ode net": lambda: lj.ODENet(3, 4, integrator=lj.RK4(2), time_dependent=True),
    "cnn": lambda: lj.CNN(53, 53),
    "convolutional head": lambda: lj.ConvolutionalHead(16, 24),
    "bidirectional": lambda: lj.Bidirectional(lj.GRU(2, 3), lj.LTC(2, lj.FullyConnected(3))),
    "preparation": lambda: Preparation((0.1, -1e30), (2.0, 3.0), 0.5, 1.5, "mean", True, True, (0.0,), (1.0,)),
} | {
    cls.__name__: lambda cls=cls: lj.Diffrax(cls(diffrax.Heun()) if cls is diffrax.HalfSolver else cls())
    for cls in SOLVERS
    if cls is not diffrax.VeryChord
}


def through_json(value):
    return json.loads(json.dumps(to_dict(value), allow_nan=False))


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_every_cell_comes_back(cell):
    assert to_dict(cell) == describe(cell)
    for described in (to_dict(cell), through_json(cell)):
        back = from_dict(described, functions=(first_error,))
        assert type(back) is type(cell) and back == cell and hash(back) == hash(cell)
        assert json.dumps(to_dict(back)) == json.dumps(to_dict(cell))  # where equality would not tell 1 from 1.0


@pytest.mark.parametrize("make", OTHERS.values(), ids=OTHERS)
def test_everything_else_comes_back(make):
    back = from_dict(through_json(make()))
    assert type(back) is type(make()) and back == make() and hash(back) == hash(make())


@pytest.mark.parametrize("name", ["ltc", "ltc diffrax", "liquid ncp network"])
def test_a_cell_that_came_back_computes_the_same(name, x64):
    outputs = []
    for cell in (CELLS[name], from_dict(through_json(CELLS[name]))):
        jax.clear_caches()  # equal cells would share one trace
        params = cell.init(jax.random.key(0))
        outputs.append(np.asarray(lj.unroll(cell, params, jnp.ones((3, 2, 3)), 0.3)[1]))
    np.testing.assert_array_equal(*outputs)


def test_all_classes_that_describe_a_network_are_known():
    others = {lj.Graph, lj.Model, lj.FixedStep}  # what a wiring draws, what is saved in its own way, to inherit from
    others |= {lj.BPTT, lj.Remat, lj.Chunked, lj.Recursive, lj.SegmentedAdjoint, lj.Backsolve}
    others |= {lj.Scan, lj.Associative, lj.Newton}
    public = {value for value in vars(lj).values() if dataclasses.is_dataclass(value)} - others
    assert public <= set(OURS) and len({cls.__name__ for cls in OURS}) == len(OURS)
    assert all(known_classes()[f"diffrax.{cls.__name__}"] is cls for cls in of_diffrax())


def test_a_class_of_ours_goes_by_all_its_names():
    for name in ("Preparation", "liquidjax.Preparation", "liquidjax.tasks.preparation.Preparation"):
        assert from_dict({"class": name, "mean": [0.0], "spread": [1.0]}) == Preparation((0.0,), (1.0,))


def test_what_is_left_out_takes_its_default():
    text = """
    class: Readout
    cell:
      class: LTC
      inputs: 2
      wiring: {class: AutoNCP, units: 16, outputs: 3}
      integrator: {class: Diffrax, solver: {class: diffrax.Kvaerno5}}
      epsilon: 0
    outputs: 4
    """
    cell = lj.LTC(2, lj.AutoNCP(16, 3), lj.Diffrax(diffrax.Kvaerno5()), epsilon=0.0)
    assert from_dict(yaml.safe_load(text)) == lj.Readout(cell, 4)


# What is not ours.


class Speed(enum.Enum):
    SLOW = 1


class Nothing:
    """Without fields; equal to its like."""

    def __eq__(self, other):
        return isinstance(other, Nothing)

    def __hash__(self):
        return 1


@dataclass(frozen=True)
class Own:
    """A dataclass of anybody's."""

    size: int
    part: Any = None
    speed: Speed = Speed.SLOW
    function: Callable = jnp.tanh
    functions: tuple[Callable[..., Any], ...] = ()
    numbers: tuple[float, ...] = ()
    doubled: int = dataclasses.field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "doubled", 2 * self.size)


def test_what_is_not_ours_comes_back_when_it_is_handed_over():
    own = Own(2, (Nothing(), {"a": (1, "b")}), functions=(np.sin, first_error), numbers=(1.0, -math.inf))
    described = through_json(own)
    handed = (first_error, np.sin)
    assert from_dict(described, (Own, Nothing), handed) == own
    assert from_dict(described, {described["class"]: Own, f"{__name__}.Nothing": Nothing}, handed) == own
    for classes, functions, missing in (
        ((Own,), handed, f"unknown class '{__name__}.Nothing'"),
        ((Nothing,), handed, f"unknown class '{__name__}.Own'"),
        ((Own, Nothing), (np.sin,), f"functions.1 is '{first_error.__module__}.first_error'"),
        ((Own, Nothing), (), "functions.0 is 'numpy.sin', which is not built into liquidjax; hand it over: functions="),
    ):
        with pytest.raises(ValueError, match=missing):
            from_dict(described, classes, functions)


def test_a_member_of_an_enumeration_is_handed_over_by_its_name():
    @dataclass(frozen=True)
    class Holder:
        speed: Speed

    described = {"class": "Holder", "speed": "Speed.SLOW"}
    assert from_dict(described, {"Holder": Holder}, {"Speed.SLOW": Speed.SLOW}) == Holder(Speed.SLOW)
    with pytest.raises(ValueError, match=r"speed is 'Speed.SLOW', which is not built into liquidjax"):
        from_dict(described, {"Holder": Holder})


def test_what_an_object_computes_itself_is_compared():
    described = through_json(Own(2))
    assert from_dict(described, (Own,)).doubled == 4
    with pytest.raises(ValueError, match="Own computes the field doubled itself, and to another value"):
        from_dict(described | {"doubled": 5}, (Own,))


def test_a_name_of_ours_means_ours():
    with pytest.raises(ValueError, match=r"classes must not have another class for liquidjax\.GRU, which is one of"):
        from_dict({"class": "liquidjax.GRU", "inputs": 1, "units": 1}, {"liquidjax.GRU": Own})


def test_a_function_does_not_take_the_place_of_a_text():
    described = to_dict(lj.CfC(2, 3, activation="tanh"))
    assert from_dict(described, functions={"tanh": jnp.tanh}).activation == "tanh"


@pytest.mark.parametrize(
    "value, message",
    [
        (
            lj.StepLoss(lj.GRU(2, 3), lambda output, target: output),
            r"^StepLoss\.loss must be .*`def`.*functions=\(it,\)",
        ),
        (lj.Diffrax(adjoint=diffrax.ImplicitAdjoint()), r"^Diffrax\.adjoint\.tags must be"),
        (
            lj.Diffrax(controller=diffrax.PIDController(untyped(np.float32(1e-3)), 1.0)),
            "^Diffrax must be equal .* numbers of",
        ),
        (Own(1, part=[1]), "^Own must be equal to what is built from its description"),
        (Own(1, part=math.nan), "^Own must be equal"),
        (Own(1, part=np.ones(3)), "^Own must be equal"),
        (Own(1, part={"class": "x"}), "^Own cannot be built again from its description: part: unknown class 'x'"),
        ({"a": 1}, '^dict cannot be built again.*the key "class"'),
        (untyped(3), "^int cannot be built again"),
    ],
)
def test_what_would_not_come_back_is_refused_at_once(value, message):
    with pytest.raises(ValueError, match=message) as refusal:
        to_dict(value)
    assert "\n" not in str(refusal.value) and "without `cell`" not in str(refusal.value)


LTC = {"class": "LTC", "inputs": 2, "wiring": {"class": "AutoNCP", "units": 8, "outputs": 2}}
DIFFRAX = {"class": "Diffrax"}
PLAIN_PID = {"class": "diffrax.PIDController", "rtol": 1, "atol": 1}
BACKSOLVE = {"class": "diffrax.BacksolveAdjoint"}


def deep(levels):
    value = {"class": "GRU", "inputs": 1, "units": 1}
    for _ in range(levels):
        value = {"class": "Readout", "cell": value, "outputs": 1}
    return value


@pytest.mark.parametrize(
    "mapping, message",
    [
        (None, 'expected a dict with the key "class" such as {"class": "GRU", ...}, got None'),
        ([LTC], "expected a dict"),
        ({"inputs": 2}, "expected a dict"),
        ({"class": "LTV"}, "unknown class 'LTV'; did you mean LTC? A class of your own must be handed over"),
        ({"class": "liquidjax.cells.ltc.CfC"}, "unknown class 'liquidjax.cells.ltc.CfC'; did you mean liquidjax"),
        ({"class": "os.system"}, "unknown class 'os.system'"),
        ({"class": "builtins.exec"}, "unknown class"),
        ({"class": "diffrax.AbstractSolver"}, "unknown class"),
        ({"class": ["GRU"]}, "unknown class ['GRU']"),
        ({"class": None}, "unknown class None"),
        ({"class": "GRU", "inputs": 2}, "GRU must have the field units too"),
        ({"class": "GRU", "inputs": 2, "unit": 3}, "unknown field 'unit' of GRU; did you mean units?"),
        ({"class": "GRU", "inputs": 2, "units": 3, 4: 5}, "unknown field 4 of GRU"),
        ({"class": "GRU", "inputs": 2, "units": 3, "__class__": 5}, "unknown field '__class__' of GRU"),
        ({"class": "BPTT"}, "unknown class 'BPTT'"),
        ({"class": "GRU", "inputs": "2", "units": 3}, "inputs must be an integer of at least 1, got '2'"),
        ({"class": "GRU", "inputs": 2.0, "units": 3}, "inputs must be an integer of at least 1, got 2.0"),
        ({"class": "GRU", "inputs": True, "units": 3}, "inputs must be an integer"),
        ({"class": "GRU", "inputs": [2], "units": 3}, "inputs must be an integer of at least 1, got (2,)"),
        ({"class": "GRU", "inputs": 2, "units": lj}, "units must be a number, text, None, or a list or dict of such"),
        ({"class": "GRU", "inputs": np.int64(2), "units": 3}, "inputs must be a number, text"),
        (LTC | {"epsilon": "inf"}, "epsilon must be a finite number, got inf"),
        (LTC | {"wiring": "AutoNCP"}, "wiring must be a Wiring such as"),
        (LTC | {"wiring": {"units": 8}}, "wiring must be a Wiring such as"),
        (LTC | {"wiring": {"class": "AutoNCP", "units": 3, "outputs": 1}}, "wiring: units must be at least 4"),
        (LTC | {"wiring": {"class": "AutoNCP", "unitz": 3}}, "wiring: unknown field 'unitz' of AutoNCP; did you mean"),
        (LTC | {"integrator": {"class": "diffrax.Tsit5"}}, "integrator must be an Integrator"),
        (LTC | {"initial_ranges": {"class": "InitialRanges", "weight": [1, 2, 3]}}, "initial_ranges: weight must be a"),
        ({"class": "Custom", "adjacency": [[1, 0], [1]]}, "adjacency must be"),
        ({"class": "Custom", "adjacency": [[2]]}, "adjacency must hold -1, 0 and 1 only"),
        ({"class": "StepLoss", "cell": LTC, "loss": "os.abort"}, "loss is 'os.abort', which is not built into"),
        (DIFFRAX | {"solver": {"class": "Tsit5"}}, "solver: unknown class 'Tsit5'; did you mean diffrax.Tsit5?"),
        (
            DIFFRAX | {"solver": {"class": "diffrax.Tsit5", "scan_kind": "x"}},
            "solver.scan_kind must be None or 'lax'",
        ),
        (DIFFRAX | {"solver": {"class": "diffrax.Kvaerno5", "root_finder": 3}}, "solver.root_finder must be"),
        (DIFFRAX | {"solver": {"class": "diffrax.HalfSolver", "solver": LTC}}, "solver.solver must be AbstractSolver"),
        (
            DIFFRAX | {"controller": PLAIN_PID | {"rtol": "1"}},
            "controller.rtol must be array or number or int or float, got",
        ),
        (DIFFRAX | {"controller": PLAIN_PID | {"rtol": True}}, "controller.rtol must be"),
        (
            DIFFRAX | {"controller": PLAIN_PID | {"norm": "os.abort"}},
            "controller.norm is 'os.abort', which is not built",
        ),
        (DIFFRAX | {"controller": PLAIN_PID | {"norm": 3}}, "controller.norm must be Callable, got 3"),
        (DIFFRAX | {"controller": PLAIN_PID | {"error_order": LTC}}, "controller.error_order must be"),
        (DIFFRAX | {"adjoint": BACKSOLVE | {"kwargs": [["solver", 1]]}}, "adjoint: kwargs must be a dict, got"),
        (DIFFRAX | {"adjoint": BACKSOLVE | {"kwargs": {"x\n": 1}}}, "adjoint: The following"),
        (deep(40), "must be within at most 32 dicts and lists"),
        (LTC | {"inputs": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}, "must be within at"),
    ],
)
def test_what_does_not_belong_is_refused_in_a_sentence_with_its_place(mapping, message):
    before = copy.deepcopy(mapping) if not isinstance(mapping, dict) or lj not in mapping.values() else None
    with pytest.raises(ValueError) as refusal:
        from_dict(mapping)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 600
    assert before is None or mapping == before


@pytest.mark.parametrize("argument", ["classes", "functions"])
def test_what_is_handed_over_must_have_names(argument):
    for wrong in (3, "GRU", (3,), ("GRU",), (lambda: 0,)):
        with pytest.raises(ValueError, match=f"{argument} must be"):
            from_dict(LTC, **untyped({argument: wrong}))
    with pytest.raises(ValueError, match="classes must be classes, got"):
        from_dict(LTC, classes={"first_error": first_error})


def test_nothing_is_imported(monkeypatch):
    """`this` of the standard library, which prints when it is imported."""
    assert "this" not in sys.modules

    def refuse(name, *_, **__):
        raise AssertionError(name)

    monkeypatch.setattr("importlib.import_module", refuse)
    for mapping in ({"class": "this.Zen"}, {"class": "StepLoss", "cell": LTC, "loss": "this.s"}):
        with pytest.raises(ValueError, match="this"):
            from_dict(mapping)
    assert "this" not in sys.modules


def test_a_function_of_an_imported_module_is_not_found_by_its_name_alone():
    described = through_json(lj.StepLoss(lj.GRU(2, 3), optax.l2_loss))
    with pytest.raises(ValueError, match=r"loss is 'optax.l2_loss', which is not built into liquidjax"):
        from_dict(described)
    assert from_dict(described, functions=(optax.l2_loss,)).loss is optax.l2_loss


ARRAY = {"class": "array", "dtype": "float32", "shape": [2], "values": [0.0, 1.0]}


@pytest.mark.parametrize(
    "change, message",
    [
        ({"dtype": "object"}, "controller.ts must be an array with dtype, shape and values, of one of bool, int8"),
        ({"dtype": "complex64"}, "controller.ts must be an array"),
        ({"dtype": 3}, "controller.ts must be an array"),
        ({"more": 3}, "controller.ts must be an array"),
        ({"shape": [3]}, r"controller.ts.values must be nested lists of the shape \[3\]"),
        ({"shape": [2, 1]}, "controller.ts.values must be nested lists"),
        ({"shape": [-2]}, "controller.ts.shape must be a list of sizes"),
        ({"shape": [True]}, "controller.ts.shape must be a list of sizes"),
        ({"shape": 2}, "controller.ts.shape must be a list of sizes"),
        ({"shape": [0, 10**30], "values": []}, "controller.ts.values must be numbers that an array float32 can hold"),
        ({"values": [0, "a"]}, "controller.ts.values must be numbers that an array float32 can hold"),
        ({"values": [0, True]}, "controller.ts.values must be numbers"),
        ({"dtype": "int8"}, "controller.ts.values must be numbers that an array int8 can hold"),
        ({"dtype": "int8", "values": [0, 200]}, "controller.ts.values must be numbers that an array int8 can hold"),
        ({"dtype": "bool"}, "controller.ts.values must be numbers that an array bool can hold"),
    ],
)
def test_an_array_that_is_none_is_refused(change, message):
    mapping = DIFFRAX | {"controller": {"class": "diffrax.StepTo", "ts": ARRAY | change}}
    with pytest.raises(ValueError, match=message):
        from_dict(mapping)


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(sorted(known_classes())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["class", "units", "x"]), inner),
    max_leaves=5,
)
DESCRIBED = [to_dict(cell) for cell in CELLS.values()] + [to_dict(make()) for make in OTHERS.values()]


def places(value, place=()):
    yield place
    for key, each in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(each, (*place, key))


@given(st.data())
def test_whatever_stands_at_any_place_ends_in_an_object_or_a_sentence(data):
    mapping = {"whole": copy.deepcopy(data.draw(st.sampled_from(DESCRIBED)))}
    *before, last = data.draw(st.sampled_from([place for place in places(mapping) if place]))
    inner = mapping
    for key in before:
        inner = inner[key]
    inner[last] = data.draw(JUNK)
    try:
        built = from_dict(mapping["whole"], functions=(first_error,))
    except ValueError as refusal:
        assert "\n" not in str(refusal)
    else:
        assert type(built) in known_classes().values()
