"""Liquid cells as modules of Flax NNX: in Flax's own `RNN`, and in one of ours that takes the times of the steps.

A module holds what a cell's `init` draws as ordinary `nnx.Param`s, each under its own name, so whatever Flax does with
parameters it does with these: filters, optimizers, sharding, tables, checkpoints. `pure` gives them back as the
NamedTuple that everything else here takes, `put` puts such a one into the module.
"""

from liquidjax.nnx.cell import RNNCell as RNNCell
from liquidjax.nnx.cell import project as project
from liquidjax.nnx.parameters import Parameters as Parameters
from liquidjax.nnx.rnn import RNN as RNN
