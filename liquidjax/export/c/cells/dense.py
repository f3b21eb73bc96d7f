"""Affine maps in C, which dense cells are made of."""

from typing import Any

import numpy as np

from liquidjax.export.c.program import Program

AFFINE = """
static void NAME_$place(const REAL *x, REAL *y)
{
    NAME_affine(NAME_${place}_w, NAME_${place}_b, x, $columns, y, $rows);
}
"""
ACTIVATED = """
static void NAME_$place(const REAL *x, REAL *y)
{
    NAME_affine(NAME_${place}_w, NAME_${place}_b, x, $columns, y, $rows);
    for (int i = 0; i < $rows; i++)
        y[i] = NAME_$activation(y[i]);
}
"""
SPARSE = """
static void NAME_$place(const REAL *x, REAL *y)
{
    NAME_sparse(NAME_${place}_w, NAME_${place}_b, NAME_${place}_count, NAME_${place}_source, x, y, $rows);
}
"""


def add_affine(program: Program, place: str, weight: Any, bias: Any = 0.0, activation: str = "") -> None:
    """void `NAME_place` (const REAL *x, REAL *y): y = x W + b as of `Linear`, the heads of y one after another.

    With an activation, one of those in functions.py, it is of each y.
    """
    weight = np.asarray(weight, float)
    rows = weight.reshape(len(weight), -1).T
    program.numbers(f"{place}_w", rows)
    program.numbers(f"{place}_b", np.broadcast_to(bias, weight.shape[1:]))
    text = ACTIVATED if activation else AFFINE
    program.add(text, place=place, rows=rows.shape[0], columns=rows.shape[1], activation=activation)


def add_sparse(program: Program, place: str, weight: Any, bias: Any, mask: np.ndarray) -> None:
    """The same with those weights only that a mask (inputs, *heads) allows; the others are not even stored."""
    rows = np.asarray(weight, float).reshape(len(mask), -1).T
    used = np.asarray(mask, bool).reshape(len(mask), -1).T
    program.numbers(f"{place}_w", or_one(rows[used]))
    program.numbers(f"{place}_b", np.broadcast_to(bias, np.shape(mask)[1:]))
    program.integers(f"{place}_count", used.sum(axis=1))
    program.integers(f"{place}_source", or_one(np.nonzero(used)[1]))
    program.add(SPARSE, place=place, rows=len(rows))


def or_one(values: np.ndarray) -> np.ndarray:
    """The values, or one that nobody reads: an array of C has at least one."""
    return values if len(values) else np.zeros((1, *values.shape[1:]), values.dtype)
