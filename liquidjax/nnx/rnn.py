"""A cell as a module over sequences, with the times of their steps."""

from typing import Any, Literal

from flax import nnx

from liquidjax._checks import check_flag
from liquidjax._flax.names import from_names
from liquidjax._flax.sequences import run
from liquidjax._types import Cell, Params, State
from liquidjax.nnx.cell import RNNCell, dropout_key
from liquidjax.sequences.gradients.gradient import Gradient
from liquidjax.sequences.gradients.remat import Remat
from liquidjax.sequences.methods.method import Method
from liquidjax.sequences.methods.scan import Scan


class RNN(nnx.Module):
    """A cell over sequences, as Flax's `nnx.RNN`, with elapsed times, masks, resets and any number of batch axes.

    It takes the axes and the arguments of Flax's and stands wherever that does, in `nnx.Bidirectional` too; a parameter
    has the same path in both. It runs by `liquidjax.unroll`, so each of its gradients and methods can be chosen. In
    padding the state is held and the output is zero.

    Args:
        cell: a `Cell`, whose parameters `rngs` draws, or an `RNNCell`, whose parameters it takes.
        rngs: for a `Cell`.
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
        >>> import jax.numpy as jnp, liquidjax as lj
        >>> rnn = RNN(lj.LTC(inputs=2, wiring=lj.AutoNCP(units=16, outputs=1)), rngs=nnx.Rngs(0))
        >>> dt = jnp.full((3, 10), 0.1).at[2, 4].set(1.5)  # sample 2 was measured late at step 4
        >>> rnn(jnp.ones((3, 10, 2)), dt=dt).shape
        (3, 10, 1)
    """

    def __init__(
        self,
        cell: Cell | RNNCell,
        *,
        rngs: nnx.Rngs | None = None,
        time_major: bool = False,
        return_carry: bool = False,
        reverse: bool = False,
        keep_order: bool = False,
        gradient: Gradient = Remat(),
        method: Method | Literal["auto"] = Scan(),
        validate: bool = True,
    ):
        self.cell = cell if isinstance(cell, RNNCell) else RNNCell(cell, rngs=rngs)
        self.time_major = check_flag("time_major", time_major)
        self.return_carry = check_flag("return_carry", return_carry)
        self.reverse = check_flag("reverse", reverse)
        self.keep_order = check_flag("keep_order", keep_order)
        self.gradient, self.method = gradient, method
        self.validate = check_flag("validate", validate)

    def __call__(
        self,
        inputs: Any,
        *,
        dt: Any = None,
        mask: Any = None,
        seq_lengths: Any = None,
        reset: Any = None,
        initial_carry: State | None = None,
        return_carry: bool | None = None,
        time_major: bool | None = None,
        reverse: bool | None = None,
        keep_order: bool | None = None,
        deterministic: bool | None = None,
        rngs: nnx.Rngs | nnx.RngStream | None = None,
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
            return_carry: whether to return the last state too.
            time_major: whether time is the first axis.
            reverse: from the last time step to the first.
            keep_order: whether outputs then keep the order of the inputs.
            deterministic: evaluates without dropout.
            rngs: an `nnx.Rngs` is the source of keys for dropout, in the place of the module's own. A stream is what
                Flax's `Bidirectional` hands on to draw a first state with; nothing is drawn from it.

        Returns:
            Outputs (*batch, time, outputs), or (time, *batch, outputs); with `return_carry` the last state before them.

        Raises:
            ValueError: as for `liquidjax.unroll`, and for a mask beside `seq_lengths`.
        """
        key = dropout_key(self.cell, deterministic, rngs if isinstance(rngs, nnx.Rngs) else None)
        carry, outputs = run(
            self.cell.cell,
            from_names(self.cell.cell, self.cell.params()),
            inputs,
            self.cell.dt if dt is None else dt,
            mask=mask,
            seq_lengths=seq_lengths,
            reset=reset,
            state=initial_carry,
            time_major=self.time_major if time_major is None else time_major,
            reverse=self.reverse if reverse is None else reverse,
            keep_order=self.keep_order if keep_order is None else keep_order,
            gradient=self.gradient,
            method=self.method,
            key=key,
            validate=self.validate,
        )
        with_carry = self.return_carry if return_carry is None else check_flag("return_carry", return_carry)
        return (carry, outputs) if with_carry else outputs

    def pure(self) -> tuple[Cell, Params]:
        """The cell and its parameters, see `RNNCell.pure`."""
        return self.cell.pure()

    def put(self, params: Params) -> None:
        """Puts parameters of the cell into the place of those that the module has, see `RNNCell.put`."""
        self.cell.put(params)
