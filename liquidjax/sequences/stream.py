"""A cell that reads as the readings come: it keeps its state and its clock from one step to the next."""

from math import isfinite
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax._belong import check_cell, check_params, check_state
from liquidjax._checks import check_choice, check_flag, check_number, check_size
from liquidjax._types import Array, Cell, Params, State
from liquidjax.sequences.steps import StepInputs, cast, dtype_of, masked_step
from liquidjax.sequences.times import UNITS, Unit, elapsed


class Stream:
    """Runs a cell on a stream, one compiled step at a time: what `unroll` gives for all of it, as it comes.

    Each compiles a step of its own, in which the parameters are constants; `reset` begins anew without another.

    Args:
        cell: any `Cell`.
        params: its parameters.
        batch: the axes of the batch, () for one stream, (8,) for eight side by side.
        first_dt: dt of the first step after the beginning or a reset, where only times are given: there is no step
            before it that a duration could be counted from.
        unit: of dt, where times are dates: see `elapsed`.
        validate: whether to look at the values of inputs, dt and times first. A NaN in a reading would stay in the
            state for ever.

    Raises:
        ValueError: arguments of the wrong kind, or parameters of another cell.

    Example:
        >>> import jax, liquidjax as lj
        >>> cell = lj.LTC(inputs=2, wiring=lj.AutoNCP(units=16, outputs=1))
        >>> stream = lj.Stream(cell, cell.init(jax.random.key(0)))
        >>> stream([0.5, -1.0], dt=0.1).shape
        (1,)
        >>> _ = stream([0.4, -1.1], time=10.0)  # the first time: dt is first_dt
        >>> _ = stream([0.4, -1.1], time=10.3)
        >>> stream([0.4, -1.1], time=10.2)
        Traceback (most recent call last):
        ...
        ValueError: time must be after the one before it, 10.3, got 10.2; the state is what it was
    """

    def __init__(
        self,
        cell: Cell,
        params: Params,
        batch: tuple[int, ...] = (),
        *,
        first_dt: float = 1.0,
        unit: Unit | None = None,
        validate: bool = True,
    ):
        check_cell(cell)
        check_params(cell, params)
        if not isinstance(batch, tuple):
            raise ValueError(f"batch must be a tuple of sizes such as () or (8,), got {batch!r}")
        self.cell, self.batch = cell, tuple(check_size("batch", size) for size in batch)
        self.first_dt = check_number("first_dt", first_dt, 0)
        self.unit: Unit | None = unit
        self.validate = check_flag("validate", validate)
        if unit is not None:
            check_choice("unit", unit, UNITS)
        params = jax.tree.map(jnp.asarray, params)
        self._dtype = np.dtype(dtype_of(params, jnp.zeros((), jax.tree.leaves(params)[0].dtype)))
        self._shape, self._given_shape = (*self.batch, cell.inputs), (*self.batch, cell.inputs + 1)
        self._step = _compiled(cell, params)
        self.reset()

    def __call__(self, inputs: Any, dt: Any = None, *, time: Any = None, reset: Any = None) -> Array:
        """Reads one step, and gives the output.

        Where it raises an error, state and clock are what they were.

        Args:
            inputs: (*batch, inputs).
            dt: time since the previous step, a number or (*batch), not below 0; 1 where there is no time either.
            time: in the place of dt, when it is: a number or a date, or (*batch) of them, after those before.
            reset: bool (*batch), True where an episode begins: its state starts anew, and its clock too.

        Returns:
            (*batch, outputs).

        Raises:
            ValueError: shapes that do not fit, values that are not finite, both dt and time, or a time that is not
                after the one before.
        """
        values = inputs if type(inputs) is np.ndarray else np.asarray(inputs, self._dtype)
        if values.shape != self._shape:
            raise ValueError(f"inputs must be {self._shape}, (*batch, inputs), got shape {values.shape}")
        if reset is not None:
            reset = np.asarray(reset)
            if reset.shape != self.batch or reset.dtype != bool:
                raise ValueError(f"reset must be bool (*batch) = {self.batch}, got {reset.dtype} {reset.shape}")
        if time is None:
            clock, passed = self._clock, 1.0 if dt is None else dt
            if not (type(passed) is float and passed >= 0):
                passed = self._given(passed)
        elif dt is not None:
            raise ValueError("a step takes dt or time, not both")
        else:
            clock, passed = self._since(time, reset)
        # One array for both: each that is handed over takes longer than most cells take to compute.
        given = np.empty(self._given_shape, self._dtype)
        given[..., :-1] = values
        given[..., -1] = passed
        # The sum of squares is quicker to look at; it may overflow, or be above what the type can hold.
        if self.validate and not (isfinite(np.vdot(given, given)) or np.isfinite(given).all()):
            self._refuse(inputs, dt, given)
        self._state, output = self._step(self._state, given) if reset is None else self._step(self._state, given, reset)
        self._clock = clock
        return output

    @property
    def state(self) -> State:
        """The state after the last step: a copy, which can be kept, and put in its place again."""
        return jax.tree.map(jnp.copy, self._state)

    @state.setter
    def state(self, state: State) -> None:
        check_state(self.cell, state, self.batch)
        self._state = jax.tree.map(jnp.copy, cast(state, self._dtype))

    def reset(self) -> None:
        """All streams begin anew, and their clocks."""
        self._state = jax.tree.map(jnp.copy, self.cell.initial_state(self.batch, self._dtype))
        self._clock: Any = None
        """The last time of each stream (*batch), None before the first."""

    def _given(self, dt: Any) -> Any:
        """dt, of the shape it may have, and not below 0; whether it is finite is looked at with the inputs."""
        dt = np.asarray(dt, self._dtype)
        if dt.shape not in ((), self.batch):
            raise ValueError(f"dt must be a number or (*batch) = {self.batch}, got shape {dt.shape}")
        if self.validate and not (dt >= 0).all():
            raise ValueError(f"dt must be finite and not below 0, got {dt}; the state is what it was")
        return dt

    def _refuse(self, inputs: Any, dt: Any, given: np.ndarray) -> None:
        if not np.isfinite(given[..., :-1]).all():
            raise ValueError(f"inputs must be finite, got {inputs}; the state is what it was")
        what = given[..., -1] if dt is None else dt
        raise ValueError(f"dt must be finite and not below 0, got {what}; the state is what it was")

    def _since(self, time: Any, reset: np.ndarray | None) -> tuple[Any, Any]:
        """The clock after a step, and what has passed since the one before."""
        if type(time) is type(self._clock) is float and reset is None and 0 < (passed := time - self._clock) < np.inf:
            return time, passed  # one stream that goes on: the case that must be quick
        times, last = np.asarray(time), None if self._clock is None else np.asarray(self._clock)
        if times.shape not in ((), self.batch):
            raise ValueError(f"time must be one or (*batch) = {self.batch} of them, got shape {times.shape}")
        times = np.broadcast_to(times, self.batch)
        known = np.broadcast_to(np.array(last is not None), self.batch)
        if reset is not None:
            known = known & ~reset
        last = times if last is None else last
        if times.dtype == last.dtype == np.float64:  # what `elapsed` does, in a twentieth of its time
            passed = np.where(known, times - last, self.first_dt)
            if not (np.isfinite(times) & (~known | (passed > 0))).all():
                raise ValueError(f"time must be after the one before it, {last}, got {time}; the state is what it was")
        else:
            try:
                both = np.stack([last, times]), self.first_dt, np.stack([known, np.ones_like(known)])
                passed = elapsed(*both, self.unit)[1]
            except ValueError as error:
                sentence = str(error).replace("timestamps", "time")
                raise ValueError(f"{sentence}; the state is what it was") from error
        return (time if type(time) is float and self.batch == () else times.copy()), passed


def _compiled(cell: Cell, params: Params) -> Any:
    """The step of a cell with these parameters.

    They are constants of it: handed over, each of their arrays would take its share of a microsecond in every step, and
    what is computed from them alone would be computed in every step.
    """

    def step(state: State, given: Array, reset: Array | None = None):
        return masked_step(cell, params, state, StepInputs(given[..., :-1], given[..., -1], reset=reset))

    return jax.jit(step, donate_argnums=0)
