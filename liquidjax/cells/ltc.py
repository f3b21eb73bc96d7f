"""The liquid time-constant network in its conductance form, the model that ncps runs."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax import wirings
from liquidjax._belong import check_integrator
from liquidjax._checks import (
    check_choice,
    check_key,
    check_kind,
    check_number,
    check_size,
    described,
    put,
    settle,
)
from liquidjax._types import Array, Bounds, Integrator, Moments, NeuronLayer, exportable
from liquidjax.cells import ode
from liquidjax.integrators import SemiImplicit
from liquidjax.layers.linear import uniforms, zeros
from liquidjax.reparam import Constraints, positive, stored
from liquidjax.wirings.graph import check_wiring

Mapping = Literal["affine", "linear"] | None
Range = tuple[float, float]


@exportable
class SynapseParams(NamedTuple):
    """One entry per synapse that exists, sorted by target neuron, then source: arrays (synapses,)."""

    weight: Array
    steepness: Array
    midpoint: Array
    reversal_potential: Array


@exportable
class MappingParams(NamedTuple):
    """y = weight * x + bias, both (features,); an absent part is None."""

    weight: Array | None
    bias: Array | None


@exportable
class LTCParams(NamedTuple):
    """Parameters of an LTC; per-neuron arrays are (units,). See `LTC` for what they mean."""

    leak_conductance: Array
    leak_potential: Array
    capacitance: Array
    synapses: SynapseParams
    sensory_synapses: SynapseParams
    input_mapping: MappingParams
    output_mapping: MappingParams


class Sensed(NamedTuple):
    """Sums over the sensory synapses of each neuron, both (units, *batch)."""

    current: Array
    conductance: Array


@dataclass(frozen=True)
class InitialRanges:
    """From where the parameters of an `LTC` are drawn: uniformly from an interval each, the effective value of those
    that are positive.

    The defaults are those of ncps. 34 others were tried (`benchmarks/results/ltc_start.md`); some learn sooner on
    a task, none on all of them.

    Args:
        leak_conductance, leak_potential, capacitance: of the neurons.
        weight, steepness, midpoint: of the synapses between neurons.
        sensory_weight, sensory_steepness, sensory_midpoint: of those from inputs.
        reversal_potential, sensory_reversal_potential: their magnitudes, above 0; the sign is the polarity of the
            synapse.

    Raises:
        ValueError: what is no interval, or not above 0 where it must be.

    Example:
        >>> InitialRanges(weight=(0.1, 0.5)).weight, InitialRanges.ncps().reversal_potential
        ((0.1, 0.5), 1.0)
    """

    leak_conductance: Range = (0.001, 1.0)
    leak_potential: Range = (-0.2, 0.2)
    capacitance: Range = (0.4, 0.6)
    weight: Range = (0.001, 1.0)
    steepness: Range = (3.0, 8.0)
    midpoint: Range = (0.3, 0.8)
    sensory_weight: Range = (0.001, 1.0)
    sensory_steepness: Range = (3.0, 8.0)
    sensory_midpoint: Range = (0.3, 0.8)
    reversal_potential: float = 1.0
    sensory_reversal_potential: float = 1.0

    def __post_init__(self):
        for name, given in list(vars(self).items()):
            if name in ("reversal_potential", "sensory_reversal_potential"):
                put(self, **{name: check_number(name, given, 0, math.inf, above=True)})
                continue
            try:
                low, high = (check_number(name, end) for end in given)
            except (TypeError, ValueError):
                raise ValueError(f"{name} must be a range (low, high), two numbers, got {described(given)}") from None
            put(self, **{name: (low, high)})
            positive_only = name in ("leak_conductance", "capacitance", "weight", "sensory_weight")
            if not low <= high or (positive_only and low <= 0):
                above = "0 < " if positive_only else ""
                raise ValueError(f"{name} must be a range (low, high) with {above}low <= high, got {(low, high)}")

    @classmethod
    def ncps(cls) -> "InitialRanges":
        """Those of ncps 1.0.1, whatever the defaults are.

        ncps however draws before its softplus: there the effective weight starts in (0.69, 1.31) and the capacitance in
        (0.91, 1.04) where implicit constraints are on.
        """
        weight, steepness, midpoint = (0.001, 1.0), (3.0, 8.0), (0.3, 0.8)
        return cls(
            leak_conductance=(0.001, 1.0),
            leak_potential=(-0.2, 0.2),
            capacitance=(0.4, 0.6),
            weight=weight,
            steepness=steepness,
            midpoint=midpoint,
            sensory_weight=weight,
            sensory_steepness=steepness,
            sensory_midpoint=midpoint,
            reversal_potential=1.0,
            sensory_reversal_potential=1.0,
        )


@dataclass(frozen=True)
class LTC:
    """Liquid time-constant network, conductance form: neurons with a leak, coupled by saturating synapses.

    capacitance_i dx_i/dt = leak_conductance_i (leak_potential_i - x_i) + sum_j g_ji (reversal_potential_ji - x_i)
    g_ji = weight_ji sigmoid(steepness_ji (y_j - midpoint_ji)),   y_j = x_j of a neuron j, or the mapped input u_j

    So rate_i = (leak_conductance_i + sum_j g_ji + epsilon) / capacitance_i, and its inverse, the time constant,
    depends on the state and the input: it is liquid. The sum runs over the synapses of the wiring only. Inputs are
    held for the whole of dt. The outputs are the states of the motor neurons through the output mapping, which is not
    fed back.

    Args:
        inputs: number of input features.
        wiring: who connects to whom.
        integrator: `SemiImplicit(unfolds=6)` is the solver of the papers.
        input_mapping: "affine" (weight and bias for each input), "linear" (weight only) or None.
        output_mapping: the same for each output.
        constraints: "implicit" keeps weights, leak conductance and capacitance positive through softplus; "explicit"
            stores them as they are, and `project` belongs after each optimizer step, as in every `train` of this
            package.
        epsilon: added to the sum of conductances.
        initial_ranges: from where `init` draws.

    Raises:
        ValueError: an option is unknown or a size out of range.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.LTC(inputs=2, wiring=lj.AutoNCP(units=16, outputs=1))
        >>> params = cell.init(jax.random.key(0))
        >>> state, outputs = lj.unroll(cell, params, jnp.ones((10, 3, 2)), dt=0.1)
        >>> state.shape, outputs.shape
        ((3, 16), (10, 3, 1))

    Reference:
        Hasani et al., "Liquid time-constant networks", AAAI 2021; the conductance form is equation 1 of the methods of
        Lechner et al. (2020). Same numbers as `ncps.torch.LTC` 1.0.1 for the same parameters.
    """

    inputs: int
    wiring: wirings.Wiring
    integrator: Integrator = SemiImplicit(unfolds=6)
    input_mapping: Mapping = "affine"
    output_mapping: Mapping = "affine"
    constraints: Constraints = "implicit"
    epsilon: float = 1e-8
    initial_ranges: InitialRanges = InitialRanges()
    coefficients_read_state: ClassVar[bool] = True
    sensed_batch_axis: ClassVar[int] = 1

    def __post_init__(self):
        settle(self, check_size, "inputs")
        check_wiring(self.wiring)
        check_integrator(self.integrator)
        settle(self, check_number, "epsilon")
        check_kind("initial_ranges", self.initial_ranges, InitialRanges, "lj.InitialRanges(...)")
        check_choice("input_mapping", self.input_mapping, ("affine", "linear", None))
        check_choice("output_mapping", self.output_mapping, ("affine", "linear", None))
        check_choice("constraints", self.constraints, ("implicit", "explicit"))
        if not self.epsilon >= 0:
            raise ValueError(f"epsilon must be at least 0, got {self.epsilon}")

    @property
    def units(self) -> int:
        return self.wiring.units

    @property
    def outputs(self) -> int:
        return self.wiring.outputs

    @property
    def graph(self) -> wirings.Graph:
        """The wiring, drawn for this number of inputs."""
        return self.wiring.graph(self.inputs)

    def init(self, key: Array) -> LTCParams:
        """Draws the parameters; reversal potentials start at their magnitude, with the sign of their synapse."""
        ranges, synapses, sensory = self.initial_ranges, self.graph.synapses, self.graph.sensory_synapses
        units, inner, outer = (self.units,), (len(synapses.source),), (len(sensory.source),)
        leak, potential, capacitance, *drawn = uniforms(
            check_key(key),
            (
                (units, *ranges.leak_conductance),
                (units, *ranges.leak_potential),
                (units, *ranges.capacitance),
                (inner, *ranges.weight),
                (inner, *ranges.steepness),
                (inner, *ranges.midpoint),
                (outer, *ranges.sensory_weight),
                (outer, *ranges.sensory_steepness),
                (outer, *ranges.sensory_midpoint),
            ),
        )

        def of(drawn: list[Array], polarity: np.ndarray, magnitude: float) -> SynapseParams:
            weight, steepness, midpoint = drawn
            reversal_potential = magnitude * jnp.asarray(polarity, weight.dtype)
            return SynapseParams(stored(weight, self.constraints), steepness, midpoint, reversal_potential)

        return LTCParams(
            leak_conductance=stored(leak, self.constraints),
            leak_potential=potential,
            capacitance=stored(capacitance, self.constraints),
            synapses=of(drawn[:3], synapses.polarity, ranges.reversal_potential),
            sensory_synapses=of(drawn[3:], sensory.polarity, ranges.sensory_reversal_potential),
            input_mapping=_init_mapping(self.input_mapping, self.inputs),
            output_mapping=_init_mapping(self.output_mapping, self.outputs),
        )

    def calibrated(self, params: LTCParams, inputs: Moments, state: Moments) -> LTCParams:
        """Drawn parameters with the gates moved to where the potentials before them are; for `calibrate`.

            midpoint <- mean + spread * midpoint,   steepness <- steepness / spread

        So what is drawn means potentials of mean 0 and spread 1. One that does not vary keeps the spread 1.

        Args:
            params: what `init` returned.
            inputs: the moments of the inputs.
            state: the moments of the states.
        """
        mapping = params.input_mapping
        scale = 1 if mapping.weight is None else jnp.abs(mapping.weight)
        mapped = Moments(_map(mapping, inputs.mean), scale * inputs.spread)
        return params._replace(
            synapses=_moved(params.synapses, self.graph.synapses.source, state),
            sensory_synapses=_moved(params.sensory_synapses, self.graph.sensory_synapses.source, mapped),
        )

    def initial_state(self, batch_shape: tuple[int, ...] = (), dtype: Any = float) -> Array:
        """Zeros (*batch_shape, units)."""
        return zeros(batch_shape, self.units, dtype)

    def sense(self, params: LTCParams, inputs: Array, key: Array | None = None) -> Sensed:
        """The sums over the sensory synapses for inputs (*batch, inputs)."""
        mapped = jnp.moveaxis(_map(params.input_mapping, inputs), -1, 0)
        return Sensed(*self._sums(params.sensory_synapses, self.graph.sensory_synapses, mapped))

    def coefficients(self, params: LTCParams, state: Array, sensed: Sensed) -> tuple[Array, Array]:
        """(drive, rate) for state (*batch, units), the same shape."""
        drive, rate = self._neurons_first(params, sensed)(jnp.moveaxis(state, -1, 0))
        return jnp.moveaxis(drive, 0, -1), jnp.moveaxis(rate, 0, -1)

    def step(self, params: LTCParams, state: Array, sensed: Sensed, dt: Array) -> tuple[Array, Array]:
        """(state (*batch, units), output (*batch, outputs)) after dt, a scalar or (*batch)."""
        if self.integrator.per_sample:
            state = ode.advance(self, params, state, sensed, dt)
        else:
            # Neurons first, batch last for all unfolds: then a synapse is one contiguous row of the batch.
            first = jnp.moveaxis(state, -1, 0)
            first = self.integrator.advance(self._neurons_first(params, sensed), first, dt)
            state = jnp.moveaxis(first, 0, -1)
        return state, self.readout(params, state)

    def readout(self, params: LTCParams, state: Array) -> Array:
        """The mapped states of the motor neurons, (*batch, outputs), for a state (*batch, units)."""
        return _map(params.output_mapping, state[..., : self.outputs])

    def neuron_layers(self) -> tuple[NeuronLayer, ...]:
        """The layers of the wiring; only the command neurons of an NCP hear each other."""
        adjacency = self.graph.adjacency
        layers = map(np.array, self.graph.layers)
        return tuple(NeuronLayer(layer, bool(adjacency[np.ix_(layer, layer)].any())) for layer in layers)

    def time_constant_bounds(self, params: LTCParams) -> Bounds:
        """capacitance / (leak + sum of weights + epsilon) <= tau_sys <= capacitance / (leak + epsilon)."""
        capacitance = positive(params.capacitance, self.constraints)
        least = positive(params.leak_conductance, self.constraints) + self.epsilon
        most = least
        for synapses, graph in self._synapses(params):
            weight = positive(synapses.weight, self.constraints)
            most = most + jax.ops.segment_sum(weight, graph.target, self.units)
        return Bounds(capacitance / most, capacitance / least)

    def state_bounds(self, params: LTCParams, start: float) -> Bounds:
        """From the least to the greatest of the start, the leak potential, and the reversal potentials."""
        low = jnp.minimum(-start, params.leak_potential)
        high = jnp.maximum(start, params.leak_potential)
        for synapses, graph in self._synapses(params):
            low = jnp.minimum(low, jax.ops.segment_min(synapses.reversal_potential, graph.target, self.units))
            high = jnp.maximum(high, jax.ops.segment_max(synapses.reversal_potential, graph.target, self.units))
        return Bounds(low, high)

    def _synapses(self, params: LTCParams) -> tuple[tuple[SynapseParams, wirings.Synapses], ...]:
        graph = self.graph
        return (params.synapses, graph.synapses), (params.sensory_synapses, graph.sensory_synapses)

    def _neurons_first(self, params: LTCParams, sensed: Sensed) -> Callable[[Array], tuple[Array, Array]]:
        """state (units, *batch) -> (drive, rate), both (units, *batch)."""
        per_neuron = (slice(None), *(None,) * (sensed.current.ndim - 1))
        leak = positive(params.leak_conductance, self.constraints)[per_neuron]
        capacitance = positive(params.capacitance, self.constraints)[per_neuron]
        current_at_rest = leak * params.leak_potential[per_neuron] + sensed.current
        conductance_at_rest = leak + sensed.conductance + self.epsilon

        def coefficients(state: Array) -> tuple[Array, Array]:
            current, conductance = self._sums(params.synapses, self.graph.synapses, state)
            return (current_at_rest + current) / capacitance, (conductance_at_rest + conductance) / capacitance

        return coefficients

    def _sums(self, params: SynapseParams, synapses: wirings.Synapses, potential: Array) -> tuple[Array, Array]:
        """(sum of g E, sum of g) over the synapses of each neuron (units, *batch), potential (sources, *batch).

        Only the synapses that exist, as rows sorted by target; sigmoid(z) = (1 + tanh(z/2)) / 2, for which XLA has a
        vectorised form.
        """
        per_synapse = (slice(None), *(None,) * (potential.ndim - 1))
        half_weight = positive(params.weight, self.constraints) / 2
        half_steepness = params.steepness / 2
        offset = half_steepness * params.midpoint
        before = potential.at[synapses.source].get(mode="promise_in_bounds")
        gate = 1 + jnp.tanh(half_steepness[per_synapse] * before - offset[per_synapse])
        current = (half_weight * params.reversal_potential)[per_synapse] * gate
        conductance = half_weight[per_synapse] * gate
        return self._sum_by_target(current, synapses.target), self._sum_by_target(conductance, synapses.target)

    def _sum_by_target(self, rows: Array, target: np.ndarray) -> Array:
        return jax.ops.segment_sum(
            rows, target, self.units, indices_are_sorted=True, mode=jax.lax.GatherScatterMode.PROMISE_IN_BOUNDS
        )


def _init_mapping(mapping: Mapping, size: int) -> MappingParams:
    return MappingParams(
        weight=jnp.ones(size) if mapping in ("affine", "linear") else None,
        bias=jnp.zeros(size) if mapping == "affine" else None,
    )


def _map(mapping: MappingParams, x: Array) -> Array:
    if mapping.weight is not None:
        x = x * mapping.weight
    return x if mapping.bias is None else x + mapping.bias


def _moved(synapses: SynapseParams, source: np.ndarray, before: Moments) -> SynapseParams:
    """Gates drawn for standardised potentials, for those with the moments (sources,) that there are."""
    # What rounding leaves of a spread is none.
    least = 16 * jnp.finfo(before.spread.dtype).eps * jnp.abs(before.mean)
    mean, spread = before.mean[source], jnp.where(before.spread > least, before.spread, 1)[source]
    return synapses._replace(steepness=synapses.steepness / spread, midpoint=mean + spread * synapses.midpoint)
