"""Cells, data and the gradient by which methods are compared."""

import jax
import numpy as np

import liquidjax as lj
from sequence_gradient import differentiate

KEY = jax.random.key(0)
LINEAR = {
    "gated": lj.GatedLinear(3, 4),
    "euler": lj.GatedLinear(3, 4, lj.Euler(8)),
    "semi-implicit": lj.GatedLinear(3, 4, lj.SemiImplicit(2)),
    "readout": lj.Readout(lj.GatedLinear(3, 4), 2),
    "stack": lj.Stack(3, lj.Block(lj.GatedLinear(4, 4), feed_forward=True), layers=2),
}
NONLINEAR = {
    "ltc": lj.LTC(3, lj.FullyConnected(6), lj.SemiImplicit(2)),
    "ltc ncp": lj.LTC(3, lj.AutoNCP(12, 2), lj.SemiImplicit(2)),
    "readout of ltc": lj.Readout(lj.LTC(3, lj.AutoNCP(12, 2), lj.Exponential(2)), 2),
    "cfc": lj.CfC(3, 4, backbone_units=5),
    "gru": lj.GRU(3, 4),
}
TIME, BATCH = 40, 3


def data():
    dtype = np.float64 if jax.config.read("jax_enable_x64") else np.float32
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(TIME, BATCH, 3)).astype(dtype)
    return inputs, rng.uniform(0, 1, (TIME, BATCH)).astype(dtype), rng.random((TIME, BATCH)) < 0.8


def run(cell, params, method, **options):
    """(gradient, (state, outputs)) on the data, with an initial state."""
    inputs, dt, mask = data()
    _, gradient, state, outputs = differentiate(cell, params, inputs, dt, mask=mask, method=method, **options)
    return gradient, (state, outputs)
