"""One step of a model as a graph of ONNX: straight lines of operations by jax2onnx, loops around them by us.

jax2onnx replaces functions of jax.numpy while it works, and what is traced meanwhile is not what it was: so the step is
traced before, and jax2onnx sees operations only. Its own loops take the number of turns for the size of a batch.
"""
# An extra of its own, which is not there where types are checked: pyright takes this folder for it.
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.extend.core as jex
import numpy as np
import onnx
from jax2onnx import to_onnx
from onnx import helper, numpy_helper

from liquidjax.export.deployed import Deployed
from liquidjax.export.onnx.graph import OPSET, Graph, described, renamed, scan
from liquidjax.export.onnx.straight import Program, computed, straight
from liquidjax.training.precision import computing

_LOOP = "scan"


class _Place(NamedTuple):
    """Where a part of a step is written. label: what its names begin with; anchor: an input that has the axis of the
    batch, name and outline: jax2onnx looks there for its size.
    """

    label: str
    anchor: tuple[str, Any]


def step_graph(deployed: Deployed) -> Graph:
    """The graph of a step: features, dt and the state to answers and the state after it; any batch.

    Raises:
        ValueError: the step has an operation that cannot be written, which is named.
    """
    with computing(deployed.dtype):
        (batch,) = jax.export.symbolic_shape("batch")
        features = jax.ShapeDtypeStruct((batch, len(deployed.features)), deployed.dtype)
        dt = jax.ShapeDtypeStruct((batch,), deployed.dtype)
        state = {
            name: jax.ShapeDtypeStruct((batch, *leaf.shape), leaf.dtype) for name, leaf in deployed.state_shapes.items()
        }

        def step(features: Any, dt: Any, *before: Any) -> list[Any]:
            after, answers = deployed.step(dict(zip(state, before, strict=True)), features, dt)
            return [answers, *after.values()]

        program = straight(step, [features, dt, *state.values()])
        inputs = ("features", "dt", *(f"state.{name}" for name in state))
        names = dict(zip(program.inputs, inputs, strict=True))
        outputs = ["answers", *(f"next_state.{name}" for name in state)]
        return _graph(program, program.inputs, names, outputs, _Place("", ("features", features)))


def _graph(
    program: Program, inputs: Sequence[Any], names: dict[Any, str], outputs: Sequence[str], place: _Place
) -> Graph:
    """The graph of a program. names: those of its inputs, of which those that are not among `inputs` are known around
    it; they get company here.
    """
    nodes, constants = [], []
    for atom, output in zip(program.outputs, outputs, strict=True):
        if not isinstance(atom, jex.Literal) and atom not in program.constants:
            names.setdefault(atom, output)

    def name_of(atom: Any) -> str:
        if isinstance(atom, jex.Literal) or atom in program.constants:
            value = atom.val if isinstance(atom, jex.Literal) else program.constants[atom]
            name = f"{place.label}number_{len(constants)}"
            constants.append(numpy_helper.from_array(np.asarray(value, atom.aval.dtype), name))
            return name
        return names[atom]

    pieces = list(_pieces(program.equations))
    for number, piece in enumerate(pieces):
        inner = place._replace(label=f"{place.label}{number}/")
        made = {each: None for equation in piece for each in equation.outvars}
        later = {each for other in pieces[number + 1 :] for equation in other for each in _variables(equation.invars)}
        wanted = [each for each in made if each in later or each in names]
        for each in wanted:
            names.setdefault(each, f"{inner.label}value_{len(names)}")
        if piece[0].primitive.name == _LOOP:
            found = _loop(piece[0], program, names, name_of, inner)
        else:
            found = _line(piece, program, wanted, names, inner)
        nodes += found.nodes
        constants += found.constants
    for output, atom in zip(outputs, program.outputs, strict=True):
        source = name_of(atom)
        if source != output:
            nodes.append(helper.make_node("Identity", [source], [output]))
    return Graph(
        [described(names[each], each.aval.shape, each.aval.dtype) for each in inputs],
        [
            described(name, each.aval.shape, each.aval.dtype)
            for name, each in zip(outputs, program.outputs, strict=True)
        ],
        nodes,
        constants,
    )


def _pieces(equations: Sequence[Any]) -> Iterator[list[Any]]:
    """Loops, each by itself, and the lines between them."""
    if any(each.primitive.name == "while" for each in equations):
        raise ValueError(
            "it has a loop of which nobody knows the number of turns, as an adaptive solver has; an integrator of "
            "fixed steps, such as lj.SemiImplicit() or lj.RK4(), has none"
        )
    line: list[Any] = []
    for each in equations:
        if each.primitive.name != _LOOP:
            line.append(each)
            continue
        if line:
            yield line
        yield [each]
        line = []
    if line:
        yield line


def _line(piece: Sequence[Any], program: Program, wanted: Sequence[Any], names: dict[Any, str], place: _Place) -> Graph:
    """Operations without a loop."""
    made = {each for equation in piece for each in equation.outvars}
    used = [each for equation in piece for each in _variables(equation.invars)]
    read = [each for each in dict.fromkeys(used) if each not in made and each not in program.constants]
    name, outline = place.anchor

    def run(_: Any, *values: Any) -> list[Any]:
        known = {**program.constants, **dict(zip(read, values, strict=True))}
        computed(piece, known)
        return [known[each] for each in wanted]

    outlines = [outline, *(jax.ShapeDtypeStruct(each.aval.shape, each.aval.dtype) for each in read)]
    try:
        model = to_onnx(run, outlines, opset=OPSET, enable_double_precision=outline.dtype == np.float64)
    except Exception as error:  # of any kind, and its lines are about jax2onnx
        raise ValueError(f"jax2onnx fails, {type(error).__name__}: {' '.join(str(error).split())[:300]}") from error
    graph = model.graph
    if model.functions or any(node.domain for node in graph.node):
        raise ValueError("jax2onnx writes operations of its own, which no runtime has")
    called = dict(zip((each.name for each in graph.input), (name, *(names[each] for each in read)), strict=True))
    copies = []
    for value, atom in zip(graph.output, wanted, strict=True):
        if value.type.tensor_type.elem_type != helper.np_dtype_to_tensor_dtype(np.dtype(atom.aval.dtype)):
            raise ValueError(f"jax2onnx makes another type of {names[atom]} than {atom.aval.dtype}")
        if value.name in called:  # an input, or two values that are the same
            copies.append(helper.make_node("Identity", [called[value.name]], [names[atom]]))
        called.setdefault(value.name, names[atom])

    def renaming(old: str) -> str:
        return called.get(old, place.label + old)

    constants = []
    for each in graph.initializer:
        constant = onnx.TensorProto()
        constant.CopyFrom(each)
        constant.name = renaming(each.name)
        constants.append(constant)
    return Graph([], [], [*renamed(graph.node, renaming), *copies], constants)


def _loop(
    equation: Any, program: Program, names: dict[Any, str], name_of: Callable[[Any], str], place: _Place
) -> Graph:
    """A loop whose number of turns is known, with its body as a graph of its own."""
    params, invars = equation.params, equation.invars
    shared, carried = _counts(params)
    carried += shared
    given: list[Any] = [_outline(aval) for aval in params["jaxpr"].in_avals]
    around = []
    for position, atom in enumerate(invars[:shared]):
        if isinstance(atom, jex.Literal) or atom in program.constants:
            value = atom.val if isinstance(atom, jex.Literal) else program.constants[atom]
            given[position] = np.asarray(value, atom.aval.dtype)
        else:
            around.append(names[atom])
    body = straight(params["jaxpr"], given)
    inputs = body.inputs[len(around) :]
    inner = [f"{place.label}input_{number}" for number in range(len(inputs))]
    outputs = [f"{place.label}output_{number}" for number in range(len(body.outputs))]
    graph = _graph(body, inputs, dict(zip(body.inputs, (*around, *inner), strict=True)), outputs, place)
    read = [name_of(atom) for atom in invars[carried:]]
    if not read:  # ONNX counts turns by what is read
        ticks = f"{place.label}ticks"
        graph.constants.append(numpy_helper.from_array(np.zeros(params["length"], np.float32), ticks))
        graph.inputs.append(described(f"{place.label}tick", (), np.float32))
        read = [ticks]
    start = [name_of(atom) for atom in invars[shared:carried]]
    left = [names.get(each, f"{place.label}unread_{number}") for number, each in enumerate(equation.outvars)]
    return Graph([], [], [scan(graph, start, read, left, params["reverse"])], graph.constants)


def _counts(params: dict[str, Any]) -> tuple[int, int]:
    """How many values all turns of a loop share, and how many one hands to the next."""
    if "num_consts" in params:
        return params["num_consts"], params["num_carry"]
    shared, carried, _ = params["ft_in"].unpack()  # of a later JAX
    return len(list(shared)), len(list(carried))


def _variables(atoms: Sequence[Any]) -> Iterator[Any]:
    return (each for each in atoms if not isinstance(each, jex.Literal))


def _outline(aval: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(aval.shape, aval.dtype)
