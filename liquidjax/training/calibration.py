"""A start out of data: parameters moved to where the inputs and the states of a cell are, before they are trained."""

import dataclasses
import functools
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from liquidjax._belong import check_cell
from liquidjax._checks import check_size
from liquidjax._types import Array, CalibratedCell, Cell, Moments, Params
from liquidjax.cells.exchange import exchanged
from liquidjax.sequences.arguments import arguments, naming_params
from liquidjax.sequences.steps import expand, masked_step, step_inputs

ROUNDS = 4
"""Times the states are looked at: they move with what is moved."""
SERIES = 64
"""With so many a training is calibrated, if there are as many."""


def some_series(number: int) -> np.ndarray:
    """Which of so many series a training is calibrated with: some that are evenly spread.

    Example:
        >>> some_series(3).tolist(), some_series(128)[-2:].tolist()
        ([0, 1, 2], [125, 127])
    """
    return np.linspace(0, number - 1, min(SERIES, number)).round().astype(int)


def can_be_calibrated(cell: Any) -> bool:
    """Whether a cell is, or holds, one that says what data have to do with its start.

    Example:
        >>> import liquidjax as lj
        >>> ltc = lj.LTC(1, lj.FullyConnected(2))
        >>> can_be_calibrated(lj.Readout(ltc, 3)), can_be_calibrated(lj.GRU(1, 2))
        (True, False)
    """
    return exchanged(cell, _probing) is not cell


def calibrate(
    cell: Cell, params: Params, inputs: Any, dt: Any = 1.0, *, mask: Any = None, rounds: int = ROUNDS
) -> Params:
    """Moves drawn parameters to where the data are, before a training: the gates of an LTC into their potentials.

    Runs some series through the cell and tells each cell in it that can be calibrated the mean and the spread of its
    inputs and of its states, over all steps of all samples that are no padding. What becomes of them is that cell's
    own affair: see `LTC.calibrated`. As states move with the parameters, this is done in rounds, the first for inputs
    alone, each out of the drawn parameters and what the round before has led to. To be called once, with parameters
    that `init` has drawn: those that it returns are calibrated.

    Args:
        cell: a cell that can be calibrated, such as an `LTC`, or whatever holds some: wrappers, stacks, dataclasses of
            cells of your own whose `init` calls theirs.
        params: what `cell.init` returned.
        inputs: (time, *batch, inputs), as in training; some tens of series are enough.
        dt: as for `unroll`.
        mask: bool (time, *batch), False where a step is padding; None for no padding.
        rounds: how many.

    Returns:
        The parameters, all others as they were.

    Raises:
        ValueError: there is nothing that could be calibrated, no step that is no padding, or what `unroll` refuses.

    Example:
        >>> import numpy as np, liquidjax as lj
        >>> cell = lj.Readout(lj.LTC(inputs=1, wiring=lj.FullyConnected(3)), outputs=2)
        >>> series = 40 + 5 * np.random.default_rng(0).normal(size=(50, 8, 1))  # far from where gates are drawn
        >>> params = calibrate(cell, cell.init(jax.random.key(0)), series)
        >>> bool(jnp.all(abs(params.cell.sensory_synapses.midpoint - 40) < 15))
        True

    Reference:
        The idea is that of Mishkin and Matas, "All you need is a good init", ICLR 2016 (LSUV), for gates.
    """
    check_cell(cell)
    check_size("rounds", rounds)
    if not can_be_calibrated(cell):
        raise ValueError(
            f"cell must be, or hold, one that can be calibrated, such as an LTC, got {type(cell).__name__} without one"
        )
    with naming_params(cell, params):
        given = arguments(cell, params, inputs, dt, mask=mask)
        if 0 in given.inputs.shape[:-1] or (mask is not None and not _any(given.mask)):
            raise ValueError(f"inputs must have a step that is no padding, got shape {given.inputs.shape}")
        return _calibrated(cell, rounds, params, given)


def _any(mask: Any) -> bool:
    return isinstance(mask, Tracer) or bool(mask.any())


class _Tally(NamedTuple):
    """Of one array of features: weight (*batch) of the samples in; sums of what is `away` from the centre out."""

    weight: Array
    centre: Array
    number: Array
    away: Array
    squared: Array


@functools.partial(jax.tree_util.register_dataclass, data_fields=["params", "tallies"], meta_fields=["cell"])
@dataclass(frozen=True)
class _Probed:
    """Parameters of a cell, and the tallies of its inputs and its state."""

    params: Params
    tallies: tuple[_Tally, Any]
    cell: Any


def _probing(value: Any) -> Any:
    """A cell that can be calibrated as one that counts what it hears; anything else as it is."""
    if isinstance(value, type) or not dataclasses.is_dataclass(value) or not isinstance(value, CalibratedCell):
        return value
    kind: Any = type(value)

    class Probing(kind):
        def init(self, key):
            params = super().init(key)
            kinds = {leaf.dtype for leaf in jax.tree.leaves(params) if jnp.issubdtype(leaf.dtype, jnp.floating)}
            dtype = jnp.result_type(*kinds) if kinds else float
            state = self.initial_state((), dtype)
            return _Probed(params, (_empty(jnp.zeros(self.inputs, dtype)), jax.tree.map(_empty, state)), value)

        def sense(self, params, inputs, key=None):
            return super().sense(params.params, _counted(inputs, params.tallies[0]), key)

        def step(self, params, state, sensed, dt):
            state = jax.tree.map(_counted, state, params.tallies[1])
            return super().step(params.params, state, sensed, dt)

    return Probing(**{field.name: getattr(value, field.name) for field in dataclasses.fields(kind) if field.init})


def _empty(features: Array) -> _Tally:
    zero = jnp.zeros_like(features)
    return _Tally(jnp.zeros((), zero.dtype), zero, jnp.zeros((), zero.dtype), zero, zero)


@jax.custom_vjp
def _counted(values: Array, tally: _Tally) -> Array:
    """The values themselves. What they are comes out as the cotangent of the tally, whatever that of the values is.

    So it comes out in the place of the parameters to which it belongs, through any wrapper, which need not know.
    """
    return values


def _counted_forwards(values, tally):
    return values, (values, tally)


def _counted_backwards(kept, slope):
    values, tally = kept
    weight = expand(tally.weight, values.ndim)
    over = tuple(range(tally.weight.ndim))
    away = jnp.where(weight > 0, values.astype(tally.centre.dtype) - tally.centre, 0)
    sums = (jnp.sum(tally.weight), jnp.sum(weight * away, over), jnp.sum(weight * away**2, over))
    return slope, _Tally(jnp.zeros_like(tally.weight), jnp.zeros_like(tally.centre), *sums)


_counted.defvjp(_counted_forwards, _counted_backwards)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _calibrated(cell: Cell, rounds: int, params: Params, given: Any) -> Params:
    start, steps = step_inputs(cell, params, *given)
    probing = exchanged(cell, _probing)
    outline = jax.eval_shape(probing.init, jax.random.key(0))
    nodes, structure = jax.tree.flatten(outline, is_leaf=_is_probed)
    places = [place for place, node in enumerate(nodes) if _is_probed(node)]
    # Each in the place of the other: a node that is probed stands for all the parameters of its cell.
    drawn = structure.flatten_up_to(params)
    kind = jnp.result_type(*jax.tree.leaves(start))  # what is computed in, whatever `init` would draw now
    tallies = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, kind), [nodes[place].tallies for place in places])
    batch = given.inputs.shape[1:-1]

    def put(own: list[Any], into: dict[int, Any]) -> Params:
        return structure.unflatten([into.get(place, leaf) for place, leaf in enumerate(own)])

    def look(own: list[Any], centres: list[Any]) -> list[Any]:
        """What is away from the centres, summed over all steps."""

        def body(carry, now):
            state, sums = carry
            weight = jnp.ones(batch, kind) if now.mask is None else now.mask.astype(kind)
            weighted = _map(lambda tally: tally._replace(weight=weight), centres)

            def stepped(tallies):
                probed = {
                    place: _Probed(own[place], tally, nodes[place].cell)
                    for place, tally in zip(places, tallies, strict=True)
                }
                return masked_step(probing, put(own, probed), state, now)

            (state, output), back = jax.vjp(stepped, weighted)
            (found,) = back(jax.tree.map(jnp.zeros_like, (state, output)))
            found = _map(lambda tally: tally._replace(weight=jnp.sum(tally.weight)), found)
            return (state, jax.tree.map(jnp.add, sums, found)), None

        return jax.lax.scan(body, (start, jax.tree.map(jnp.zeros_like, tallies)), steps)[0][1]

    def around(round_, carry):
        own, centres = carry
        found = look(own, centres)
        moments = _map(_moments, centres, found)
        own = list(own)
        for place, (inputs, state) in zip(places, moments, strict=True):
            # Inputs first: what the states are before has to do with the units of the inputs.
            state = jax.tree.map(lambda told, rest: jnp.where(round_ > 0, told, rest), state, _as_drawn(state))
            own[place] = nodes[place].cell.calibrated(drawn[place], inputs, state)
        return own, _map(lambda tally, moment: tally._replace(centre=moment.mean), centres, moments)

    own, _ = jax.lax.fori_loop(0, rounds, around, (drawn, tallies))
    return structure.unflatten(own)


def _as_drawn(state: Any) -> Any:
    """The moments of states for which nothing has to be moved."""
    each = lambda told: Moments(jnp.zeros_like(told.mean), jnp.ones_like(told.spread))  # noqa: E731
    return jax.tree.map(each, state, is_leaf=lambda node: isinstance(node, Moments))


def _is_probed(node: Any) -> bool:
    return isinstance(node, _Probed)


def _map(of: Any, *trees: Any) -> Any:
    return jax.tree.map(of, *trees, is_leaf=lambda node: isinstance(node, _Tally))


def _moments(tally: _Tally, sums: _Tally) -> Moments:
    """Of what was away from the centre; mean 0 and spread 1 where nothing was counted, or what is not finite."""
    count = jnp.maximum(sums.number, 1)
    away = sums.away / count
    mean, spread = tally.centre + away, jnp.sqrt(jnp.maximum(sums.squared / count - away**2, 0))
    known = jnp.isfinite(mean) & jnp.isfinite(spread) & (sums.number > 0)
    return Moments(jnp.where(known, mean, 0), jnp.where(known, spread, 1))
