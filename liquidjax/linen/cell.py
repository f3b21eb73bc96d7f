"""A cell as a module for one time step."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen

from liquidjax._belong import check_cell
from liquidjax._checks import check_flag, check_number
from liquidjax._flax.names import check_names, drawn_params, from_names, grouped, has_dropout, outline
from liquidjax._flax.sequences import first_state, run, stepped
from liquidjax._types import Array, Cell, State
from liquidjax.linen.parameters import from_linen
from liquidjax.training.parameters import by_name


class RNNCell(linen.RNNCellBase):
    """A cell as a module for one time step, which fits Flax's `linen.RNN` and, within it, `linen.Bidirectional`.

    Args:
        cell: any `Cell`.
        dt: time from one step to the next where a call does not say it, as Flax's `RNN` cannot.
        deterministic: whether a cell with dropout goes without; to be said here or in the call, as for `linen.Dropout`.
            In `linen.RNN` the keys of its steps differ with `split_rngs={"params": False, "dropout": True}`.
        param_dtype: what parameters are cast to when they are drawn; None leaves them as they are.
        partitioning: names of the axes of parameters, by the names of these: `{"inputs.weight": (None, None,
            "model")}` does what `linen.with_partitioning` does.

    Raises:
        ValueError: arguments of the wrong kind.

    Example:
        >>> import jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.LTC(inputs=2, wiring=lj.AutoNCP(units=16, outputs=1))
        >>> rnn = linen.RNN(RNNCell(cell, dt=0.1))
        >>> variables = rnn.init(jax.random.key(0), jnp.ones((3, 10, 2)))
        >>> variables["params"]["cell"]["params"]["synapses"]["weight"].shape
        (39,)
        >>> rnn.apply(variables, jnp.ones((3, 10, 2))).shape
        (3, 10, 1)
    """

    cell: Cell
    dt: float = 1.0
    deterministic: bool | None = None
    param_dtype: Any = None
    partitioning: Mapping[str, tuple[str | None, ...]] | None = None

    def __post_init__(self):
        check_cell(self.cell)
        self.dt = check_number("dt", self.dt, 0)
        if self.deterministic is not None:
            check_flag("deterministic", self.deterministic)
        check_names("partitioning", self.partitioning or {}, self.cell, tuple, 'a tuple such as (None, "model")')
        super().__post_init__()

    def setup(self):
        if not self.has_variable("params", "params"):
            self.params = self.param("params", self._drawn)
            return
        given = linen.unbox(self.get_variable("params", "params"))
        from_linen(self.cell, given)  # an error of ours, where Flax's would compare a part of the shapes
        self.params = self.param("params", lambda key: given)

    def __call__(
        self, carry: State, inputs: Any, dt: Any = None, *, deterministic: bool | None = None
    ) -> tuple[State, Array]:
        """One time step.

        Args:
            carry: the state before it, from `initialize_carry` or an earlier step.
            inputs: (*batch, inputs).
            dt: time since the step before, a scalar or (*batch); that of the module when None.
            deterministic: evaluates a cell with dropout without.

        Returns:
            The state after it, and the output (*batch, outputs).

        Raises:
            ValueError: what `liquidjax.step` refuses, or a carry of another dtype than parameters and inputs.
        """
        key, dt = self._key(deterministic), self.dt if dt is None else dt
        return stepped(self.cell, from_names(self.cell, self.params), carry, inputs, dt, key)

    def run(self, inputs: Any, dt: Any, *, deterministic: bool | None, **how: Any) -> tuple[State, Array]:
        """What `RNN` calls: a run over sequences, see `liquidjax._flax.sequences`."""
        key, dt = self._key(deterministic), self.dt if dt is None else dt
        return run(self.cell, from_names(self.cell, self.params), inputs, dt, key=key, **how)

    @linen.nowrap
    def initialize_carry(self, rng: Any, input_shape: tuple[int, ...]) -> State:
        """The state before the first step; nothing is drawn.

        Args:
            rng: a key, which no cell needs.
            input_shape: (*batch, inputs).

        Raises:
            ValueError: inputs of another size than the cell's.
        """
        dtype = jnp.result_type(*jax.tree.leaves(outline(self.cell))) if self.param_dtype is None else self.param_dtype
        return first_state(self.cell, input_shape, dtype)

    @property
    def num_feature_axes(self) -> int:
        """One: what comes last."""
        return 1

    @linen.nowrap  # no row of its own in a table
    def _drawn(self, key: Array) -> dict[str, Any]:
        flat = by_name(drawn_params(self.cell, key, self.param_dtype))
        for name, axes in (self.partitioning or {}).items():
            flat[name] = linen.with_partitioning(lambda leaf: leaf, axes)(flat[name])
        return grouped(flat)

    @linen.nowrap
    def _key(self, deterministic: bool | None) -> Array | None:
        if not has_dropout(self.cell):
            return None
        return (
            None if linen.merge_param("deterministic", self.deterministic, deterministic) else self.make_rng("dropout")
        )
