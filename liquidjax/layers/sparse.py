"""An affine map with only those weights that a mask allows."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax._belong import check_features, check_params
from liquidjax._checks import check_choice, check_flag, check_key, put, settle
from liquidjax._types import Array, exportable
from liquidjax.layers.linear import Linear
from liquidjax.wirings.custom import as_tuples, ternary

# Distributions of the weight; the bias starts at 0, with kaiming_uniform within 1 / sqrt(inputs) as the weight.
INITIALISERS = {
    "xavier": jax.nn.initializers.variance_scaling(1.0, "fan_avg", "normal"),
    "sonar": jax.nn.initializers.variance_scaling(0.006**2, "fan_in", "uniform"),
    "zero": jax.nn.initializers.zeros,
    # Velora cuts it off at 2, which is 2000 standard deviations away.
    "trunc_normal": jax.nn.initializers.normal(1e-3),
    "kaiming_uniform": jax.nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform"),
    "orthogonal": jax.nn.initializers.orthogonal(),
}


@exportable
class SparseLinearParams(NamedTuple):
    """weight (inputs, outputs), of which the mask uses a part; bias (outputs,), or None."""

    weight: Array
    bias: Array | None


def masked(weight: Array, mask: Any, signed: bool) -> Array:
    """weight (inputs, *heads, outputs) where the mask (inputs, outputs) is not 0, times its polarity if signed; else 0.

    A masked weight gets a gradient of exactly 0, even from a NaN.
    """
    polarity = np.expand_dims(np.array(mask), tuple(range(1, len(weight.shape) - 1)))

    def used(weight: Array) -> Array:
        return jnp.where(polarity != 0, weight * polarity.astype(weight.dtype) if signed else weight, 0)

    return jax.tree.map(used, weight)  # it may be a `Bfloat16Weight`


def init_sparse(key: Array, mask: Any, initialiser: str) -> Linear:
    """Draws for the full number of inputs, as Velora does, however few the mask (inputs, outputs) leaves."""
    inputs, outputs = np.shape(mask)
    weight_key, bias_key = jax.random.split(key)
    weight = INITIALISERS[initialiser](weight_key, (inputs, outputs), float)
    limit = 1 / math.sqrt(inputs) if initialiser == "kaiming_uniform" else 0.0
    bias = jax.random.uniform(bias_key, (outputs,), float, -limit, limit) if limit else jnp.zeros(outputs)
    return Linear(masked(weight, mask, signed=False), bias)


@dataclass(frozen=True)
class SparseLinear:
    """An affine map through a mask: y = x (W * M) + b.

    Masked weights start at 0 and get a gradient of exactly 0, so that no optimizer moves them, AdamW included; and
    whatever is stored there, the output does not depend on it. Another mask is `dataclasses.replace(layer, mask=...)`.

    For those who come from Velora: the mask is (inputs, outputs), there (outputs, inputs). Its networks hand over |M|
    and so lose the polarity of the synapses; `signed=True` multiplies by it. The sign of W stays free all the same.

    Args:
        mask: (inputs, outputs), entry [source, target] -1, 0 or 1; any nested sequence or array.
        initialiser: "kaiming_uniform" (W and b within 1 / sqrt(inputs)), "xavier" (normal, variance
            2 / (inputs + outputs)), "sonar" (within 0.006 sqrt(3 / inputs)), "zero", "trunc_normal" (standard deviation
            0.001) or "orthogonal"; with all but the first b starts at 0.
        bias: whether there is a b.
        signed: whether M is the mask with its signs, or only where it is not 0.

    Raises:
        ValueError: the initialiser is unknown, or the mask no matrix of -1, 0 and 1.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> layer = SparseLinear(mask=[[1, 0], [-1, 1], [0, 1]])
        >>> params = layer.init(jax.random.key(0))
        >>> layer.apply(params, jnp.ones((5, 3))).shape, layer.parameter_count, layer.active_parameter_count
        ((5, 2), 8, 6)

    Reference:
        `velora.models.lnn.SparseLinear` 0.2.0: Glorot and Bengio, AISTATS 2010 (xavier); Duquenne et al., "SONAR",
        2023; He et al., ICCV 2015 (kaiming); Saxe et al., ICLR 2014 (orthogonal).
    """

    mask: Any  # stored as a tuple of tuples, so that the layer can be hashed
    initialiser: str = "kaiming_uniform"
    bias: bool = True
    signed: bool = False

    def __post_init__(self):
        put(self, mask=as_tuples(ternary("mask", self.mask)))
        check_choice("initialiser", self.initialiser, tuple(INITIALISERS))
        settle(self, check_flag, "bias", "signed")

    @property
    def inputs(self) -> int:
        return len(self.mask)

    @property
    def outputs(self) -> int:
        return len(self.mask[0])

    @property
    def parameter_count(self) -> int:
        """All parameters, masked ones included."""
        return (self.inputs + self.bias) * self.outputs

    @property
    def active_parameter_count(self) -> int:
        """The parameters that the output depends on. (Velora counts what is not 0, and so leaves out a bias at 0.)"""
        return int(np.count_nonzero(self.mask)) + self.bias * self.outputs

    def init(self, key: Array) -> SparseLinearParams:
        """Draws the parameters."""
        weight, bias = init_sparse(check_key(key), self.mask, self.initialiser)
        return SparseLinearParams(weight, bias if self.bias else None)

    def apply(self, params: SparseLinearParams, inputs: Array) -> Array:
        """y (*batch, outputs) for inputs (*batch, inputs); a ValueError for what is not of these shapes."""
        check_params(self, params)
        return self.mapped(params, check_features(self, inputs))

    def mapped(self, params: SparseLinearParams, inputs: Array) -> Array:
        """`apply` for a network whose arguments have been looked at, and whose weights may be `Bfloat16Weight`s."""
        bias = jnp.zeros((), params.weight.dtype) if params.bias is None else params.bias
        return Linear(masked(params.weight, self.mask, self.signed), bias)(inputs)
