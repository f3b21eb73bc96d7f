"""A cell as a module over sequences, with the times of their steps."""

from typing import Any, Literal

from flax import linen

from liquidjax._checks import check_flag
from liquidjax._types import Cell, State
from liquidjax.linen.cell import RNNCell
from liquidjax.sequences.gradients.gradient import Gradient
from liquidjax.sequences.gradients.remat import Remat
from liquidjax.sequences.methods.method import Method
from liquidjax.sequences.methods.scan import Scan


class RNN(linen.Module):
    """A cell over sequences, as Flax's `linen.RNN`, with elapsed times, masks, resets and any number of batch axes.

    It takes the axes and the arguments of Flax's and stands wherever that does, in `linen.Bidirectional` too; a
    parameter has the same path in both. It runs by `liquidjax.unroll`, so each of its gradients and methods can be
    chosen. In padding the state is held and the output is zero.

    Args:
        cell: a `Cell`, or an `RNNCell`.
        time_major: inputs and outputs are (time, *batch, features), in the place of (*batch, time, features).
        return_carry: calls return the last state too.
        reverse: runs from the last time step to the first. dt is then the time to the next sample.
        keep_order: outputs of a reversed run are in the order of the inputs, not of the steps.
        gradient: how the backward pass is done, see `liquidjax.unroll`.
        method: how the steps are evaluated, see `liquidjax.unroll`.
        validate: whether to look at values, outside of compiled functions.

    Raises:
        ValueError: arguments of the wrong kind.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> rnn = RNN(lj.LTC(inputs=2, wiring=lj.AutoNCP(units=16, outputs=1)))
        >>> dt = jnp.full((3, 10), 0.1).at[2, 4].set(1.5)  # sample 2 was measured late at step 4
        >>> variables = rnn.init(jax.random.key(0), jnp.ones((3, 10, 2)), dt=dt)
        >>> rnn.apply(variables, jnp.ones((3, 10, 2)), dt=dt).shape
        (3, 10, 1)
    """

    cell: Cell | RNNCell
    time_major: bool = False
    return_carry: bool = False
    reverse: bool = False
    keep_order: bool = False
    gradient: Gradient = Remat()
    method: Method | Literal["auto"] = Scan()
    validate: bool = True

    def __post_init__(self):
        if not isinstance(self.cell, RNNCell):
            self.cell = RNNCell(self.cell, parent=None)  # without a parent it becomes the module `cell` of this one
        for name in ("time_major", "return_carry", "reverse", "keep_order", "validate"):
            check_flag(name, getattr(self, name))
        super().__post_init__()

    def __call__(
        self,
        inputs: Any,
        *,
        dt: Any = None,
        mask: Any = None,
        seq_lengths: Any = None,
        reset: Any = None,
        initial_carry: State | None = None,
        init_key: Any = None,
        return_carry: bool | None = None,
        time_major: bool | None = None,
        reverse: bool | None = None,
        keep_order: bool | None = None,
        deterministic: bool | None = None,
    ) -> Any:
        """Runs the cell over sequences. What is not said here is as it was said to the module.

        Args:
            inputs: (*batch, time, inputs), or (time, *batch, inputs) with `time_major`; no batch axis, or any number.
            dt: time from the step before to each step: a scalar, (time,) for all samples, or (*batch, time), any batch
                axis of which may be 1, or (time, *batch) with `time_major`. That of the cell when None.
            mask: bool of the axes of dt, False where a step is padding.
            seq_lengths: integers (*batch) in the place of a mask: the first steps of each sample, so many, are valid.
            reset: bool of the axes of dt, True where the state starts anew before the step.
            initial_carry: the state before the first step; the cell's initial state when None.
            init_key: what Flax's `Bidirectional` hands on to draw a first state with; nothing is drawn from it.
            return_carry: whether to return the last state too.
            time_major: whether time is the first axis.
            reverse: from the last time step to the first.
            keep_order: whether outputs then keep the order of the inputs.
            deterministic: evaluates a cell with dropout without.

        Returns:
            Outputs (*batch, time, outputs), or (time, *batch, outputs); with `return_carry` the last state before them.

        Raises:
            ValueError: as for `liquidjax.unroll`, and for a mask beside `seq_lengths`.
        """
        assert isinstance(self.cell, RNNCell)
        carry, outputs = self.cell.run(
            inputs,
            dt,
            deterministic=deterministic,
            mask=mask,
            seq_lengths=seq_lengths,
            reset=reset,
            state=initial_carry,
            time_major=self.time_major if time_major is None else time_major,
            reverse=self.reverse if reverse is None else reverse,
            keep_order=self.keep_order if keep_order is None else keep_order,
            gradient=self.gradient,
            method=self.method,
            validate=self.validate,
        )
        with_carry = self.return_carry if return_carry is None else check_flag("return_carry", return_carry)
        return (carry, outputs) if with_carry else outputs
