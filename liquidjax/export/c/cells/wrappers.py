"""Cells around a cell in C: readout, block, stack, mixed memory, and time as an input."""

from typing import Any

from liquidjax.cells.wrappers.block import Block, BlockParams
from liquidjax.cells.wrappers.mixed_memory import MixedMemory, MixedMemoryParams
from liquidjax.cells.wrappers.readout import Readout, ReadoutParams
from liquidjax.cells.wrappers.stack import Stack, StackParams
from liquidjax.cells.wrappers.with_time import WithTime
from liquidjax.export.c.cells.dense import add_affine
from liquidjax.export.c.cells.lstm import add_update
from liquidjax.export.c.program import Program, state_size

READOUT = """
/* A linear readout. */
static void NAME_$place(REAL *state, const REAL *u, REAL dt, REAL *y)
{
    REAL output[$width];
    NAME_${place}_cell(state, u, dt, output);
    NAME_${place}_readout(output, y);
}
"""
BLOCK = """
/* y = x + cell(norm(x)). */
static void NAME_$place(REAL *state, const REAL *x, REAL dt, REAL *y)
{
    REAL normed[$width];
    NAME_layer_norm(NAME_${place}_scale, NAME_${place}_bias, x, normed, $width);
    NAME_${place}_cell(state, normed, dt, y);
    for (int i = 0; i < $width; i++)
        y[i] += x[i];
$feed_forward}
"""
FEED_FORWARD = """
/* SwiGLU: y = y + W3 (silu(W1 norm(y)) * (W2 norm(y))). */
static void NAME_${place}_feed_forward(REAL *y)
{
    REAL normed[$width], gate[4 * $width], up[4 * $width];
    NAME_layer_norm(NAME_${place}_inner_scale, NAME_${place}_inner_bias, y, normed, $width);
    NAME_${place}_gate(normed, gate);
    NAME_${place}_up(normed, up);
    for (int i = 0; i < 4 * $width; i++)
        up[i] *= gate[i];
    NAME_${place}_down(up, normed);
    for (int i = 0; i < $width; i++)
        y[i] += normed[i];
}
"""
STACK = """
/* Layers one after another, whose states lie one after another. */
static void NAME_$place(REAL *state, const REAL *u, REAL dt, REAL *y)
{
    REAL a[$width], b[$width];
    $project
    $calls
    NAME_layer_norm(NAME_${place}_scale, NAME_${place}_bias, $last, y, $width);
}
"""
WRITES_STATE = """
/* Mixed memory: the LSTM rewrites the state x of the cell, behind which its memory lies. */
static void NAME_$place(REAL *x, const REAL *u, REAL dt, REAL *y)
{
    NAME_${place}_lstm_update(x, x + $units, u);
    NAME_${place}_cell(x, u, dt, y);
}
"""
WRITES_INPUT = """
/* Mixed memory: the LSTM stands between inputs and cell; its memory lies behind the state x of the cell. */
static void NAME_$place(REAL *x, const REAL *u, REAL dt, REAL *y)
{
    REAL h[$units];
    memcpy(h, x, $units * sizeof(REAL));
    NAME_${place}_lstm_update(h, x + $units, u);
    NAME_${place}_cell(x, h, dt, y);
}
"""
WITH_TIME = """
/* $meaning; its own dt stands still. */
static void NAME_$place(REAL *state, const REAL *u, REAL dt, REAL *y)
{
    REAL heard[$inputs];
    memcpy(heard, u, $width * sizeof(REAL));
    $told
    NAME_${place}_cell(state, heard, $typical, y);
}
"""


def emit_readout(program: Program, place: str, cell: Readout, params: ReadoutParams) -> None:
    """Adds the step."""
    program.emit(program, f"{place}_cell", cell.cell, params.cell)
    add_affine(program, f"{place}_readout", *params.linear)
    program.add(READOUT, place=place, width=cell.cell.outputs)


def emit_block(program: Program, place: str, cell: Block, params: BlockParams) -> None:
    """Adds the step. Dropout is for training and does nothing here."""
    program.emit(program, f"{place}_cell", cell.cell, params.cell)
    _add_norm(program, place, params.norm)
    call = ""
    if params.feed_forward is not None:
        norm, gate, up, down = params.feed_forward
        _add_norm(program, f"{place}_inner", norm)
        add_affine(program, f"{place}_gate", *gate, "silu")
        add_affine(program, f"{place}_up", *up)
        add_affine(program, f"{place}_down", *down)
        program.add(FEED_FORWARD, place=place, width=cell.outputs)
        call = f"    NAME_{place}_feed_forward(y);\n"
    program.add(BLOCK, place=place, width=cell.outputs, feed_forward=call)


def emit_stack(program: Program, place: str, cell: Stack, params: StackParams) -> None:
    """Adds the step."""
    project = f"memcpy(b, u, {cell.outputs} * sizeof(REAL));"
    if params.projection is not None:
        add_affine(program, f"{place}_projection", *params.projection)
        project = f"NAME_{place}_projection(u, b);"
    calls, size = [], state_size(cell.cell)
    for i, layer in enumerate(params.layers):
        program.emit(program, f"{place}_layer{i + 1}", cell.cell, layer)
        calls.append(f"NAME_{place}_layer{i + 1}(state + {i * size}, {'ba'[i % 2]}, dt, {'ab'[i % 2]});")
    _add_norm(program, place, params.norm)
    last = "ba"[len(params.layers) % 2]
    values = {"project": project, "calls": "\n    ".join(calls), "last": last}
    program.add(STACK, place=place, width=cell.outputs, **values)


def emit_mixed_memory(program: Program, place: str, cell: MixedMemory, params: MixedMemoryParams) -> None:
    """Adds the step."""
    program.emit(program, f"{place}_cell", cell.cell, params.cell)
    add_update(program, f"{place}_lstm", params.lstm, cell.units, cell.forget_bias)
    program.add(WRITES_STATE if cell.writes == "state" else WRITES_INPUT, place=place, units=cell.units)


def emit_with_time(program: Program, place: str, cell: WithTime, params: Any) -> None:
    """Adds the step."""
    program.emit(program, f"{place}_cell", cell.cell, params)
    typical = program.number(cell.typical_dt)
    told = {
        "linear": f"heard[{cell.inputs}] = dt / {typical};",
        "log": f"heard[{cell.inputs}] = log1p(dt / {typical});",
        "nothing": "(void)dt;",
    }[cell.reads]
    meaning = "The cell is not told dt" if cell.reads == "nothing" else "The cell reads dt behind its inputs"
    values = {"inputs": cell.cell.inputs, "width": cell.inputs, "typical": typical}
    program.add(WITH_TIME, place=place, meaning=meaning, told=told, **values)


def _add_norm(program: Program, place: str, norm: Any) -> None:
    program.numbers(f"{place}_scale", norm.scale)
    program.numbers(f"{place}_bias", norm.bias)
