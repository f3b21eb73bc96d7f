"""Every cell that is said in C and in JavaScript, in all the ways that it is said, with what it answers."""

import functools

import jax
import numpy as np

import liquidjax as lj
from drawn import drawn
from small_cells import CELLS, NCP

SILENT = lj.Custom([[0, 0, 0], [1, 0, 0], [0, -1, 0]], [[0, 0, 0], [0, 0, 1]], outputs=2)
"""One input that nobody hears, and one neuron that hears inputs only."""
MORE = {
    "ltc rk4": lj.LTC(3, NCP, lj.RK4(2), input_mapping="linear", output_mapping=None),
    "ltc exponential": lj.LTC(2, SILENT, lj.Exponential(2), epsilon=0.01),
    "ltc without synapses": lj.LTC(1, lj.Custom([[0]], [[0]])),
    "hasani midpoint": lj.HasaniLTC(3, 2, lj.Midpoint(2)),
    "gated euler": lj.GatedLinear(3, 2, lj.Euler(3)),
    "ct-rnn, 13 unfolds": lj.CTRNN(3, 2, lj.SemiImplicit(13)),
    "cfc tanh": lj.CfC(3, 2, activation="tanh", backbone_units=3, backbone_layers=2),
    "cfc relu": lj.CfC(3, 2, activation="relu", backbone_units=4, backbone_layers=3),
    "cfc silu": lj.CfC(3, 2, mode="no_gate", activation="silu", backbone_units=3),
    "cfc gelu": lj.CfC(3, 2, mode="pure", activation="gelu", backbone_units=3),
    "wired cfc no_gate": lj.WiredCfC(3, NCP, mode="no_gate"),
    "wired cfc pure as ncps": lj.WiredCfC(3, NCP, mode="pure", obey_wiring=False),
    "wired cfc default as ncps": lj.WiredCfC(3, NCP, obey_wiring=False),
    "unsigned network": lj.LiquidNCPNetwork(3, 6, 2),
    "block of lstm": lj.Block(lj.LSTM(3, 3, forget_bias=0.5)),
    "stack": lj.Stack(2, lj.Block(lj.GatedLinear(3, 3), feed_forward=True), layers=2),  # the norm of 2 is 1 and -1
    "stack without projection": lj.Stack(3, lj.GRU(3, 3), layers=1),
    "t-lstm, reciprocal": lj.TLSTM(3, 2, "reciprocal"),
    "t-lstm, shifted": lj.TLSTM(3, 2, "shifted"),
    "without time": lj.WithTime(lj.CTRNN(3, 2, lj.Euler()), reads="nothing", typical_dt=0.1),  # else it is unstable
    "log of time": lj.WithTime(lj.CTRNN(3, 2), "log", typical_dt=0.5),
    "readout of mixed memory": lj.Readout(lj.MixedMemory(lj.LTC(2, SILENT)), 3),
}
EXPORTED = {name: cell for name, cell in (CELLS | MORE).items() if name != "step loss"}


def parameters(cell):
    """Of both signs where they may be, and exact in float32."""
    positive = "explicit" in repr(cell)
    return jax.tree.map(lambda leaf: np.float32(leaf if positive else 2 * leaf - 1), drawn(cell))


STEPS = 1000


def explicit(cell):
    return any(name in repr(cell) for name in ("Euler", "RK4", "Midpoint"))


@functools.cache
def case(name):
    """(cell, parameters exact in float32, inputs, dt, what `unroll` answers in float64): a thousand irregular steps."""
    cell = EXPORTED[name]
    params, rng = parameters(cell), np.random.default_rng(0)
    inputs = rng.normal(size=(STEPS, cell.inputs)).astype(np.float32).astype(float)
    dt = rng.exponential(0.1 if explicit(cell) else 1, STEPS).astype(np.float32).astype(float)
    if not explicit(cell):
        dt[[10, 500]], dt[20] = 0, 1e6
    exact = jax.tree.map(lambda leaf: np.asarray(leaf, float), params)
    with jax.enable_x64(True):
        wanted = np.asarray(lj.unroll(cell, exact, inputs, dt)[1])
    assert np.isfinite(wanted).all() and np.ptp(wanted, axis=0).max() > 1e-2  # or nothing would be compared
    return cell, params, inputs, dt, wanted
