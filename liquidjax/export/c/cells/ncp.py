"""Velora's networks of three layers in C."""

from typing import Any

import numpy as np

from liquidjax.export.c.cells.dense import add_sparse
from liquidjax.export.c.program import Program
from liquidjax.layers.sparse import SparseLinear, SparseLinearParams
from liquidjax.models.ncp import LiquidNCPNetwork, LiquidNCPStack, NCPParams

NETWORK = """
/* y = motor(mish(command(mish(inter(u)), x))). */
static void NAME_$place(REAL *x, const REAL *u, REAL dt, REAL *y)
{
    REAL inter[$inter], command[$command];
    NAME_${place}_inter(u, inter);
    for (int i = 0; i < $inter; i++)
        inter[i] = NAME_mish(inter[i]);
    NAME_${place}_command(x, inter, dt, command);
    for (int i = 0; i < $command; i++)
        command[i] = NAME_mish(command[i]);
    NAME_${place}_motor(command, y);
}
"""
STACK = """
/* Three cells in a row, whose states lie one after another. */
static void NAME_$place(REAL *x, const REAL *u, REAL dt, REAL *y)
{
    REAL inter[$inter], command[$command];
    NAME_${place}_inter(x, u, dt, inter);
    NAME_${place}_command(x + $inter, inter, dt, command);
    NAME_${place}_motor(x + $inter + $command, command, dt, y);
}
"""


def emit_network(program: Program, place: str, cell: LiquidNCPNetwork, params: NCPParams) -> None:
    """Adds the step."""
    inter, command, motor = cell.layers
    _add_layer(program, f"{place}_inter", inter, params.inter)
    program.emit(program, f"{place}_command", command, params.command)
    _add_layer(program, f"{place}_motor", motor, params.motor)
    program.add(NETWORK, place=place, inter=inter.outputs, command=command.outputs)


def emit_stack(program: Program, place: str, cell: LiquidNCPStack, params: NCPParams) -> None:
    """Adds the step."""
    for name, layer in zip(NCPParams._fields, cell.layers, strict=True):
        program.emit(program, f"{place}_{name}", layer, getattr(params, name))
    inter, command, _ = cell.layers
    program.add(STACK, place=place, inter=inter.units, command=command.units)


def _add_layer(program: Program, place: str, layer: SparseLinear, params: SparseLinearParams) -> None:
    mask: Any = np.array(layer.mask)
    bias = np.zeros(layer.outputs) if params.bias is None else params.bias
    add_sparse(program, place, params.weight * (mask if layer.signed else 1), bias, mask != 0)
