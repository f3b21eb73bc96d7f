"""Graphs of ONNX: their parts, the loop that makes a sequence of a step, and the file with what it says of itself."""
# An extra of its own, which is not there where types are checked: pyright takes this folder for it.
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import helper

OPSET = 18
"""The set of operations, an old one, because a runtime reads what is older than itself; sums over synapses need 16."""
_IR_VERSION = 8  # that of the release with this set


class Graph(NamedTuple):
    """inputs, outputs: names with shapes and types; nodes: operations in their order; constants: numbers by name."""

    inputs: list[onnx.ValueInfoProto]
    outputs: list[onnx.ValueInfoProto]
    nodes: list[onnx.NodeProto]
    constants: list[onnx.TensorProto]


def described(name: str, shape: Iterable[Any], dtype: Any, text: str = "") -> onnx.ValueInfoProto:
    """A value by name; an axis of unknown length is called after what stands in its place."""
    sizes = [int(size) if isinstance(size, int | np.integer) else str(size) for size in shape]
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), sizes, text)


def renamed(nodes: Iterable[onnx.NodeProto], name: Callable[[str], str]) -> list[onnx.NodeProto]:
    """The nodes with other names for all values, those in their inner graphs included; "" is no value."""
    made = []
    for old in nodes:
        node = onnx.NodeProto()
        node.CopyFrom(old)
        _rename(node, name)
        made.append(node)
    return made


def _rename(node: onnx.NodeProto, name: Callable[[str], str]) -> None:
    node.name = node.name and name(node.name)
    for values in (node.input, node.output):
        values[:] = [value and name(value) for value in values]
    for inner in _inner_graphs(node):
        for value in (*inner.input, *inner.output, *inner.initializer):
            value.name = name(value.name)
        del inner.value_info[:]
        for each in inner.node:
            _rename(each, name)


def scan(body: Graph, carried: Sequence[str], read: Sequence[str], outputs: Sequence[str], reverse=False) -> Any:
    """The node that runs a graph once for each entry along the first axis of what is read.

    Args:
        body: (carried, read) -> (carried, written); its constants must be those of the graph around it.
        carried: names of what the first turn gets.
        read: names of what has an entry for each turn.
        outputs: names of what the last turn carried, and of what all have written.
        reverse: from the last entry to the first.
    """
    inner = helper.make_graph(body.nodes, "turn", body.inputs, body.outputs)
    node = helper.make_node("Scan", [*carried, *read], list(outputs), body=inner, num_scan_inputs=len(read))
    if reverse:
        for values, number in (("input", len(read)), ("output", len(outputs) - len(carried))):
            if number:
                node.attribute.append(helper.make_attribute(f"scan_{values}_directions", [1] * number))
    return node


def sequence_of(step: Graph) -> Graph:
    """The steps of a whole series, one after another: the graph of a step in a loop over a first axis, `time`.

    What it reads and answers is called as in a step; the state is that before the first step and after the last one.
    """
    inner = {value.name: f"step/{value.name}" for value in (*step.inputs, *step.outputs)}
    body = Graph(
        [*_called(step.inputs[2:], inner), *_called(step.inputs[:2], inner)],
        [*_called(step.outputs[1:], inner), *_called(step.outputs[:1], inner)],
        renamed(step.nodes, lambda name: inner.get(name, name)),
        step.constants,
    )
    features, dt, *state = (value.name for value in step.inputs)
    answers, *after = (value.name for value in step.outputs)
    loop = scan(body, state, [features, dt], [*after, answers])
    return Graph(
        [*(_of_times(value) for value in step.inputs[:2]), *step.inputs[2:]],
        [*(_of_times(value) for value in step.outputs[:1]), *step.outputs[1:]],
        [loop],
        step.constants,
    )


def _called(values: Iterable[onnx.ValueInfoProto], names: Mapping[str, str]) -> list[onnx.ValueInfoProto]:
    made = []
    for value in values:
        other = onnx.ValueInfoProto()
        other.CopyFrom(value)
        other.name = names[value.name]
        made.append(other)
    return made


def _of_times(value: onnx.ValueInfoProto) -> onnx.ValueInfoProto:
    kind = value.type.tensor_type
    sizes = [size.dim_param or size.dim_value for size in kind.shape.dim]
    return helper.make_tensor_value_info(value.name, kind.elem_type, ["time", *sizes], value.doc_string)


def to_bytes(graph: Graph, name: str, text: str, said: Mapping[str, str], writer: str) -> bytes:
    """The file of a graph, which passes ONNX's own checks. Constants stand in it once, and those that are read only.

    Args:
        graph: what is written.
        name: what it is called.
        text: how it is used, in words.
        said: texts by name.
        writer: the version of liquidjax.

    Raises:
        ValueError: it is no graph of ONNX, or larger than a file of ONNX can be.
    """
    nodes, constants = _once(graph)
    made = helper.make_graph(nodes, name, graph.inputs, graph.outputs, constants, text)
    model = helper.make_model(
        made,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=_IR_VERSION,
        producer_name="liquidjax",
        producer_version=writer,
    )
    helper.set_model_props(model, dict(said))
    try:
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString(deterministic=True)
    except Exception as error:  # checks, shape inference and protobuf have a class each
        raise ValueError(f"ONNX refuses what was made, {' '.join(str(error).split())[:300]}") from error


def _once(graph: Graph) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Nodes, and the constants that they read, of equal ones the first."""
    first, names, kept = {}, {}, []
    read = set(_read(graph.nodes))
    for constant in graph.constants:
        if constant.name in read:
            contents = onnx.TensorProto()
            contents.CopyFrom(constant)
            contents.name = ""
            names[constant.name] = first.setdefault(contents.SerializeToString(deterministic=True), constant.name)
            if names[constant.name] == constant.name:
                kept.append(constant)
    return renamed(graph.nodes, lambda name: names.get(name, name)), kept


def _read(nodes: Iterable[onnx.NodeProto]) -> Iterator[str]:
    for node in nodes:
        yield from node.input
        for inner in _inner_graphs(node):
            yield from (value.name for value in inner.output)
            yield from _read(inner.node)


def _inner_graphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs
