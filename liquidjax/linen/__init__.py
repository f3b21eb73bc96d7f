"""Liquid cells as modules of Flax Linen: in Flax's own `RNN`, and in one of ours that takes the times of the steps.

The parameters of a cell are in the collection `params`, each under its own name: the weight of a GRU's inputs in a
module `cell` is `variables["params"]["cell"]["params"]["inputs"]["weight"]`, on the path that it has in `liquidjax.nnx`
too. `from_linen` makes of `variables["params"]["cell"]["params"]` the NamedTuple that everything else here takes,
`to_linen` goes back.
"""

from liquidjax.linen.cell import RNNCell as RNNCell
from liquidjax.linen.parameters import from_linen as from_linen
from liquidjax.linen.parameters import project as project
from liquidjax.linen.parameters import to_linen as to_linen
from liquidjax.linen.rnn import RNN as RNN
