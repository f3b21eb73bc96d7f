"""Two cells that read a sequence from both ends."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from liquidjax._belong import check_params
from liquidjax._checks import check_array, check_key, check_kind
from liquidjax._types import Array, Cell, Params, State, exportable
from liquidjax.sequences.steps import expand
from liquidjax.sequences.unroll import unroll


@exportable
class BidirectionalParams(NamedTuple):
    """Parameters of the two cells."""

    forward: Params
    backward: Params


@exportable
class BidirectionalStates(NamedTuple):
    """forward: the state after the last time step; backward: that after the first, which has read all of them too."""

    forward: State
    backward: State


@dataclass(frozen=True)
class Bidirectional:
    """Two cells that read a sequence from both ends: y_t = [forward output_t, backward output_t].

    It needs the whole sequence, so it has no step and is no cell: streams and control loops cannot use it. Time passes
    the same way for both: the backward cell steps from t + 1 to t by the time that lies between them.

    Args:
        forward: the cell that reads from the first time step on.
        backward: the cell that reads from the last one back; the same kind as `forward` when None.

    Raises:
        ValueError: one of them is no cell, or they do not take the same number of inputs.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> network = lj.Bidirectional(lj.CfC(inputs=2, units=8))
        >>> params = network.init(jax.random.key(0))
        >>> states, outputs = network.unroll(params, jnp.ones((5, 3, 2)), dt=0.1)
        >>> outputs.shape
        (5, 3, 16)

    Reference:
        Schuster and Paliwal, "Bidirectional recurrent neural networks", IEEE Trans. Signal Processing 45, 1997.
    """

    forward: Cell
    backward: Cell | None = None

    def __post_init__(self):
        for name, cell in zip(("forward", "backward"), self.cells, strict=True):
            check_kind(name, cell, Cell, "a Cell such as lj.GRU(inputs=2, units=8)")
        first, second = self.cells
        if first.inputs != second.inputs:
            raise ValueError(f"backward must have the inputs of forward = {first.inputs}, got {second.inputs}")

    @property
    def cells(self) -> tuple[Cell, Cell]:
        """The cell that reads forwards, and the one that reads backwards."""
        return self.forward, self.forward if self.backward is None else self.backward

    @property
    def inputs(self) -> int:
        """Number of input features."""
        return self.forward.inputs

    @property
    def outputs(self) -> int:
        """Number of output features: those of both cells."""
        return sum(cell.outputs for cell in self.cells)

    def init(self, key: Array) -> BidirectionalParams:
        """Draws the parameters."""
        keys = jax.random.split(check_key(key))
        return BidirectionalParams(*(cell.init(key) for cell, key in zip(self.cells, keys, strict=True)))

    def unroll(
        self,
        params: BidirectionalParams,
        inputs: Any,
        dt: Any = 1.0,
        *,
        mask: Any = None,
        key: Array | None = None,
        **how: Any,
    ) -> tuple[BidirectionalStates, Array]:
        """Runs both cells over a sequence.

        Args:
            params: their parameters.
            inputs: (time, *batch, inputs).
            dt: time from the previous step to this one, as for `liquidjax.unroll`. The first of a sample's steps has
                none before it; its dt is also what the backward cell takes for its own first step.
            mask: bool (time, *batch), False where a step is padding.
            key: source of randomness for dropout.
            how: `gradient`, `method` and `validate` of `liquidjax.unroll`.

        Returns:
            The last states of both, and the outputs (time, *batch, outputs), those of `forward` first.

        Raises:
            ValueError: as for `liquidjax.unroll`.
        """
        check_params(self, params)
        keys = (None, None) if key is None else jax.random.split(check_key(key))
        forward, backward = self.cells
        ends, first = unroll(forward, params.forward, inputs, dt, mask=mask, key=keys[0], **how)
        dt = _time_to_next(check_array("dt", dt), None if mask is None else jnp.asarray(mask))
        starts, second = unroll(backward, params.backward, inputs, dt, mask=mask, key=keys[1], reverse=True, **how)
        return BidirectionalStates(ends, starts), jnp.concatenate([first, second], -1)


def _time_to_next(dt: Array, mask: Array | None) -> Array:
    """For each step the dt of the next valid one, for the last of them that of the first.

    Example:
        >>> _time_to_next(jnp.array([9.0, 1.0, 2.0]), None).tolist()
        [1.0, 2.0, 9.0]
    """
    if dt.ndim == 0 or len(dt) == 0:
        return dt
    if mask is None:
        return jnp.roll(dt, -1, axis=0)
    dt = jnp.broadcast_to(expand(dt, mask.ndim), mask.shape)
    time = len(mask)
    places = jnp.where(mask, expand(jnp.arange(time), mask.ndim), time)
    following = jax.lax.cummin(jnp.roll(places, -1, axis=0).at[-1].set(time), reverse=True)
    following = jnp.where(following == time, jnp.argmax(mask, axis=0), following)
    return jnp.take_along_axis(dt, following, axis=0)
