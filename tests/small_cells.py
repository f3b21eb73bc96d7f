"""Every cell, small: what is true of each of them is tested over this table."""

import jax.numpy as jnp

import liquidjax as lj

NCP = lj.AutoNCP(units=6, outputs=2)


def squared_error(output, target):
    """A loss for `StepLoss`."""
    return jnp.mean((output - target) ** 2, axis=-1)


CELLS = {
    "ltc": lj.LTC(3, NCP, lj.SemiImplicit(2)),
    "ltc explicit": lj.LTC(3, NCP, lj.Euler(2), None, "linear", constraints="explicit"),
    "hasani ltc": lj.HasaniLTC(3, 2),
    "gated linear": lj.GatedLinear(3, 2),
    "stack": lj.Stack(3, lj.Block(lj.GatedLinear(2, 2), feed_forward=True), layers=2),
    "cfc": lj.CfC(3, 2, backbone_units=3, dropout=0.5),
    "cfc pure": lj.CfC(3, 2, mode="pure", backbone_units=3),
    "cfc no_gate": lj.CfC(3, 2, mode="no_gate", backbone_layers=0),
    "wired cfc": lj.WiredCfC(3, NCP),
    "wired cfc pure": lj.WiredCfC(3, NCP, mode="pure"),
    "wired cfc as ncps": lj.WiredCfC(3, NCP, mode="no_gate", obey_wiring=False),
    "ct-rnn": lj.CTRNN(3, 2),
    "ct-rnn fixed tau": lj.CTRNN(3, 2, lj.RK4(), learn_time_constant=False),
    "neural ode": lj.NeuralODE(3, 2, hidden_units=3, integrator=lj.Midpoint()),
    "lstm": lj.LSTM(3, 2),
    "gru": lj.GRU(3, 2),
    "gru-d": lj.GRUD(4, 2),
    "gru-d, all observed": lj.GRUD(3, 2, indicators=False),
    "t-lstm": lj.TLSTM(3, 2),
    "euler gru": lj.EulerGRU(3, 2),
    "exact gru": lj.EulerGRU(3, 2, form="exact"),
    "leaky integrator": lj.LeakyIntegrator(3, 2),
    "leaky integrator, fixed tau": lj.LeakyIntegrator(3, 2, time_constants=(1.0, 4.0), learn_time_constants=False),
    "with time": lj.WithTime(lj.CfC(4, 2, backbone_units=3, dropout=0.5), reads="log", typical_dt=0.5),
    "without time": lj.WithTime(lj.CTRNN(3, 2, lj.Euler()), reads="nothing"),
    "mixed memory, state": lj.MixedMemory(lj.CTRNN(3, 2)),
    "mixed memory, input": lj.MixedMemory(lj.CfC(2, 2, backbone_units=3), inputs=3, writes="input"),
    "ncp liquid cell": lj.NCPLiquidCell(3, 2, [[1, 0], [-1, 1], [0, -1]], signed=True),
    "liquid ncp network": lj.LiquidNCPNetwork(3, 6, 2, signed=True),
    "liquid ncp stack": lj.LiquidNCPStack(3, 6, 2, initialiser="orthogonal"),
    "step loss": lj.StepLoss(lj.CTRNN(2, 1), squared_error),
    "readout": lj.Readout(lj.GRU(3, 2), 2),
}
