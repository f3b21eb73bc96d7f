"""Networks on a layered wiring: one liquid layer between two sparse ones, none at all, or three."""

import functools
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax._belong import check_features, check_params
from liquidjax._checks import check_choice, check_flag, check_key, check_size, described, put, settle
from liquidjax._types import Array, exportable
from liquidjax.cells.velora import NCPLiquidCell
from liquidjax.layers.linear import zeros
from liquidjax.layers.sparse import INITIALISERS, SparseLinear
from liquidjax.wirings.custom import as_tuples, ternary
from liquidjax.wirings.layered import Layered, LayerMasks


@exportable
class NCPParams(NamedTuple):
    """Parameters of the three layers, each `SparseLinearParams` or `NCPLiquidCellParams`."""

    inter: Any
    command: Any
    motor: Any


@dataclass(frozen=True)
class _ThreeLayers:
    """What the networks share: their static choices, see `LiquidNCPNetwork`, and which layers are liquid."""

    inputs: int
    neurons: int
    outputs: int
    sparsity: float = 0.5
    initialiser: str = "kaiming_uniform"
    seed: int = 22222
    signed: bool = False
    masks: LayerMasks | None = None
    liquid: ClassVar[tuple[bool, bool, bool]]

    def __post_init__(self):
        settle(self, check_size, "inputs")
        settle(self, check_flag, "signed")
        # The wiring checks these, and holds them in their plain form.
        wiring = self.wiring
        put(self, neurons=wiring.neurons, outputs=wiring.outputs, sparsity=wiring.sparsity, seed=wiring.seed)
        check_choice("initialiser", self.initialiser, tuple(INITIALISERS))
        _, inter, command, motor = self.wiring.neuron_counts(self.inputs)
        if self.masks is not None:
            if not isinstance(self.masks, tuple | list) or len(self.masks) != len(LayerMasks._fields):
                raise ValueError(f"masks must be the four matrices of LayerMasks, got {described(self.masks)}")
            shapes = ((self.inputs, inter), (inter, command), (command, motor), (command, command))
            given = [ternary(f"masks.{name}", m) for name, m in zip(LayerMasks._fields, self.masks, strict=True)]
            for name, mask, shape in zip(LayerMasks._fields, given, shapes, strict=True):
                if mask.shape != shape:
                    raise ValueError(f"masks.{name} must have shape {shape}, got {mask.shape}")
            put(self, masks=LayerMasks(*map(as_tuples, given)))  # tuples can be hashed

    @property
    def wiring(self) -> Layered:
        """The recipe of the masks, unless they are given; an LTC or a WiredCfC can be built on it too."""
        return Layered(self.neurons, self.outputs, self.sparsity, self.seed)

    @property
    def layer_masks(self) -> LayerMasks:
        """The masks in use, entry [source, target] -1, 0 or 1."""
        if self.masks is None:
            return self.wiring.masks(self.inputs)
        return LayerMasks(*(np.array(mask) for mask in self.masks))

    @functools.cached_property
    def layers(self) -> tuple[Any, ...]:
        """The three layers: inter, command and motor."""
        inter, command, motor, _ = self.layer_masks
        return tuple(
            NCPLiquidCell(mask.shape[0], mask.shape[1], mask, self.initialiser, self.signed)
            if liquid
            else SparseLinear(mask, self.initialiser, signed=self.signed)
            for liquid, mask in zip(self.liquid, (inter, command, motor), strict=True)
        )

    def init(self, key: Array) -> NCPParams:
        """Draws the parameters."""
        keys = jax.random.split(check_key(key), 3)
        return NCPParams(*(layer.init(k) for layer, k in zip(self.layers, keys, strict=True)))

    @property
    def parameter_count(self) -> int:
        """All parameters, masked ones included."""
        return sum(layer.parameter_count for layer in self.layers)

    @property
    def active_parameter_count(self) -> int:
        """The parameters that the network depends on: all but the masked ones."""
        return sum(layer.active_parameter_count for layer in self.layers)


@dataclass(frozen=True)
class LiquidNCPNetwork(_ThreeLayers):
    """Velora's liquid network: y = motor(mish(command(mish(inter(u)), x))), where command is an `NCPLiquidCell`.

    inter and motor are `SparseLinear`. Only the command neurons have a state x, (*batch, command); what goes on to the
    motor neurons is the output of their cell. The network is a cell itself: `unroll` runs it over sequences, `step` one
    step. It does not look at dt.

    For those who come from Velora: a batch of one keeps its axis; the state is (*batch, command), not (batch, neurons +
    outputs) as its docstrings have it; no global seed, the wiring has its own; polarity is used on request.

    Args:
        inputs: number of input features.
        neurons: number of inter and command neurons, motor neurons not included, at least 2.
        outputs: number of output features, the motor neurons.
        sparsity: 0.1 (dense) to 0.9.
        initialiser: of the weights, see `SparseLinear`.
        seed: seed of the wiring.
        signed: whether the polarity of the synapses is used.
        masks: masks from elsewhere, in place of the drawn ones; sparsity and seed are then without effect.

    Raises:
        ValueError: an option is unknown, a size out of range, or a mask of the wrong shape.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> network = LiquidNCPNetwork(inputs=4, neurons=10, outputs=1)
        >>> params = network.init(jax.random.key(0))
        >>> state, outputs = lj.unroll(network, params, jnp.ones((7, 3, 4)))
        >>> state.shape, outputs.shape, network.parameter_count
        ((3, 4), (7, 3, 1), 255)

    Reference:
        `velora.models.lnn.LiquidNCPNetwork` 0.2.0, after Lechner et al. (2020) and Hasani et al. (2022).
    """

    liquid = (False, True, False)

    @property
    def units(self) -> int:
        """The size of the state: the number of command neurons."""
        return self.wiring.neuron_counts(self.inputs).command

    def initial_state(self, batch_shape: tuple[int, ...] = (), dtype: Any = float) -> Array:
        """Zeros (*batch_shape, command)."""
        return zeros(batch_shape, self.units, dtype)

    def sense(self, params: NCPParams, inputs: Array, key: Array | None = None) -> Array:
        """What the inputs (*batch, inputs) contribute to the heads of the command layer."""
        inter, command, _ = self.layers
        return command.sense(params.command, jax.nn.mish(inter.mapped(params.inter, inputs)))

    def step(self, params: NCPParams, state: Array, sensed: Array, dt: Array) -> tuple[Array, Array]:
        """(state (*batch, command), output (*batch, outputs)); dt is not used."""
        _, command, motor = self.layers
        state, output = command.step(params.command, state, sensed, dt)
        return state, motor.mapped(params.motor, jax.nn.mish(output))


@dataclass(frozen=True)
class NCPNetwork(_ThreeLayers):
    """Velora's network without state: y = motor(mish(command(mish(inter(u))))), all three `SparseLinear`.

    For those who come from Velora: a batch of one keeps its axis.

    Args:
        inputs, neurons, outputs, sparsity, initialiser, seed, signed, masks: as of `LiquidNCPNetwork`.

    Raises:
        ValueError: an option is unknown, a size out of range, or a mask of the wrong shape.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> network = NCPNetwork(inputs=4, neurons=10, outputs=1)
        >>> params = network.init(jax.random.key(0))
        >>> network.apply(params, jnp.ones((3, 4))).shape, network.parameter_count
        ((3, 1), 63)

    Reference:
        `velora.models.lnn.NCPNetwork` 0.2.0; Misra, "Mish", BMVC 2020.
    """

    liquid = (False, False, False)

    def apply(self, params: NCPParams, inputs: Array) -> Array:
        """y (*batch, outputs) for inputs (*batch, inputs); a ValueError for another number of features."""
        check_params(self, params)
        inputs = check_features(self, inputs)
        inter, command, motor = self.layers
        hidden = jax.nn.mish(inter.apply(params.inter, inputs))
        return motor.apply(params.motor, jax.nn.mish(command.apply(params.command, hidden)))


@dataclass(frozen=True)
class LiquidNCPStack(_ThreeLayers):
    """Three `NCPLiquidCell`s, one for each layer of the wiring, in a row: the output of one is the input of the next.

    The state is one array (*batch, neurons + outputs), in the order of layers: inter, command, motor. It is a cell;
    it does not look at dt. This is what Velora's `LiquidNCPNetwork` was in version 0.0.2.

    Args:
        inputs, neurons, outputs, sparsity, initialiser, seed, signed, masks: as of `LiquidNCPNetwork`.

    Raises:
        ValueError: an option is unknown, a size out of range, or a mask of the wrong shape.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> network = LiquidNCPStack(inputs=4, neurons=10, outputs=1)
        >>> params = network.init(jax.random.key(0))
        >>> state, outputs = lj.unroll(network, params, jnp.ones((7, 1, 4)))
        >>> state.shape, outputs.shape, network.parameter_count
        ((1, 11), (7, 1, 1), 580)

    Reference:
        The three cells of Velora's documentation, "cells as layers", 0.2.0.
    """

    liquid = (True, True, True)

    @property
    def units(self) -> int:
        """The size of the state: neurons + outputs."""
        return self.wiring.units

    def initial_state(self, batch_shape: tuple[int, ...] = (), dtype: Any = float) -> Array:
        """Zeros (*batch_shape, neurons + outputs)."""
        return zeros(batch_shape, self.units, dtype)

    def sense(self, params: NCPParams, inputs: Array, key: Array | None = None) -> Array:
        """What the inputs (*batch, inputs) contribute to the heads of the first cell."""
        return self.layers[0].sense(params.inter, inputs)

    def step(self, params: NCPParams, state: Array, sensed: Array, dt: Array) -> tuple[Array, Array]:
        """(state (*batch, neurons + outputs), output (*batch, outputs)); dt is not used."""
        inter, command, motor = self.layers
        of_inter, of_command, of_motor = jnp.split(state, [inter.units, inter.units + command.units], axis=-1)
        of_inter, output = inter.step(params.inter, of_inter, sensed, dt)
        of_command, output = command.step(params.command, of_command, command.sense(params.command, output), dt)
        of_motor, output = motor.step(params.motor, of_motor, motor.sense(params.motor, output), dt)
        return jnp.concatenate([of_inter, of_command, of_motor], axis=-1), output
