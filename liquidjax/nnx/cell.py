"""A cell as a module for one time step, and its explicit constraints."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from liquidjax._belong import check_cell, check_params
from liquidjax._checks import check_flag, check_kind, check_number
from liquidjax._flax.names import check_names, drawn_params, from_names, grouped, has_dropout, in_dtype, to_names
from liquidjax._flax.sequences import first_state, stepped
from liquidjax._types import Array, Cell, Params, State
from liquidjax.cells import projection
from liquidjax.nnx.parameters import Parameters, put
from liquidjax.training.parameters import by_name


class RNNCell(nnx.RNNCellBase):
    """A cell as a module for one time step, which fits Flax's `nnx.RNN` and, within it, `nnx.Bidirectional`.

    Args:
        cell: any `Cell`.
        rngs: the stream `params` draws the parameters, `dropout` the keys of a cell with dropout. It may be left out
            where `params` are given and nothing is dropped.
        params: parameters of the cell in the place of drawn ones.
        dt: time from one step to the next where a call does not say it, as Flax's `RNN` cannot.
        deterministic: evaluates without dropout; `module.eval()` and `module.train()` change it.
        param_dtype: what parameters are cast to; None leaves them as they are.
        metadata: by the name of a parameter what its `nnx.Param` is told, such as `{"inputs.weight": {"out_sharding":
            (None, None, "model")}}`; what Flax's layers call `kernel_metadata`.

    Raises:
        ValueError: arguments of the wrong kind, or parameters of another cell.

    Example:
        >>> import jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.LTC(inputs=2, wiring=lj.AutoNCP(units=16, outputs=1))
        >>> rnn = nnx.RNN(RNNCell(cell, rngs=nnx.Rngs(0), dt=0.1))
        >>> rnn(jnp.ones((3, 10, 2))).shape
        (3, 10, 1)
        >>> rnn.cell.params.synapses.weight.shape
        (39,)
    """

    def __init__(
        self,
        cell: Cell,
        *,
        rngs: nnx.Rngs | None = None,
        params: Params | None = None,
        dt: float = 1.0,
        deterministic: bool = False,
        param_dtype: Any = None,
        metadata: Mapping[str, Mapping[str, Any]] | None = None,
    ):
        check_cell(cell)
        if rngs is not None:
            check_kind("rngs", rngs, nnx.Rngs, "nnx.Rngs such as nnx.Rngs(0)")
        metadata = {} if metadata is None else metadata
        check_names("metadata", metadata, cell, Mapping, 'a dict such as {"out_sharding": (None, "model")}')
        if params is None:
            params = drawn_params(cell, stream_of(rngs, "params")(), param_dtype)
        else:
            check_params(cell, params)
            params = in_dtype(jax.tree.map(jnp.asarray, params), param_dtype)
        self.cell = cell
        self.dt = check_number("dt", dt, 0)
        self.deterministic = check_flag("deterministic", deterministic)
        # A stream only where it is drawn from, so that all of any other cell is `nnx.Param`.
        drops = has_dropout(cell) and rngs is not None and ("dropout" in rngs or "default" in rngs)
        self.rngs = nnx.data(stream_of(rngs, "dropout").fork() if drops else None)
        variables = {name: nnx.Param(leaf, **metadata.get(name, {})) for name, leaf in by_name(params).items()}
        self.params = Parameters(grouped(variables))

    def __call__(
        self,
        carry: State,
        inputs: Any,
        dt: Any = None,
        *,
        deterministic: bool | None = None,
        rngs: nnx.Rngs | nnx.RngStream | None = None,
    ) -> tuple[State, Array]:
        """One time step.

        Args:
            carry: the state before it, from `initialize_carry` or an earlier step.
            inputs: (*batch, inputs).
            dt: time since the step before, a scalar or (*batch); that of the module when None.
            deterministic: in the place of that of the module.
            rngs: source of keys for dropout in the place of the module's own.

        Returns:
            The state after it, and the output (*batch, outputs).

        Raises:
            ValueError: what `liquidjax.step` refuses, or a carry of another dtype than parameters and inputs.
        """
        params, key = from_names(self.cell, self.params()), dropout_key(self, deterministic, rngs)
        return stepped(self.cell, params, carry, inputs, self.dt if dt is None else dt, key)

    def initialize_carry(
        self,
        input_shape: tuple[int, ...],
        rngs: nnx.Rngs | nnx.RngStream | None = None,
        carry_init: Any = None,
    ) -> State:
        """The state before the first step.

        Args:
            input_shape: (*batch, inputs).
            rngs: source of keys for `carry_init`, its stream `carry`; nothing is drawn without one.
            carry_init: an initializer in the place of the cell's own initial state.

        Raises:
            ValueError: inputs of another size than the cell's.
        """
        state = first_state(self.cell, input_shape, jnp.result_type(*jax.tree.leaves(self.params())))
        if carry_init is None:
            return state
        stream = rngs if isinstance(rngs, nnx.RngStream) else stream_of(rngs, "carry")
        return jax.tree.map(lambda leaf: carry_init(stream(), leaf.shape, leaf.dtype), state)

    @property
    def num_feature_axes(self) -> int:
        """One: what comes last."""
        return 1

    def pure(self) -> tuple[Cell, Params]:
        """The cell and its parameters, for `liquidjax.unroll`, `Stream`, `Model` and whatever else takes them.

        Example:
            >>> import liquidjax as lj
            >>> module = RNNCell(lj.GRU(inputs=2, units=3), rngs=nnx.Rngs(0))
            >>> model = lj.Model(*module.pure())
        """
        return self.cell, from_names(self.cell, self.params())

    def put(self, params: Params) -> None:
        """Puts parameters of the cell, as `pure` gives them, into the place of those that the module has.

        Raises:
            ValueError: parameters of another cell.
        """
        check_params(self.cell, params)
        put(self.params, to_names(jax.tree.map(jnp.asarray, params)))

    # nnx.view asks for it; without a docstring, because nnx.view_info takes one apart that must be indented as Flax's.
    def set_view(self, deterministic: bool | None = None):
        if deterministic is not None:
            self.deterministic = check_flag("deterministic", deterministic)


def project(module: nnx.Module) -> None:
    """Puts every LTC with explicit constraints in a module back into its ranges; to be called after `optimizer.update`.

    Args:
        module: any module of Flax, with cells of ours anywhere in it.

    Raises:
        ValueError: what is no module.

    Example:
        >>> import jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.LTC(inputs=1, wiring=lj.FullyConnected(units=2), constraints="explicit")
        >>> module = RNNCell(cell, rngs=nnx.Rngs(0))
        >>> module.params.leak_conductance[...] = jnp.array([-1.0, 1.0])
        >>> project(module)
        >>> module.params.leak_conductance[...]
        Array([0., 1.], dtype=float32)

    Reference:
        `liquidjax.project`.
    """
    check_kind("module", module, nnx.Module, "a module of flax.nnx")
    for _, part in nnx.iter_modules(module):
        if isinstance(part, RNNCell):
            cell, params = part.pure()
            projected = projection.project(params, cell)
            if projected is not params:  # as it is where nothing in the cell is explicit
                part.put(projected)


def stream_of(rngs: nnx.Rngs | None, name: str) -> nnx.RngStream:
    """A stream of keys by its name, or the default one, as for Flax's own modules."""
    if rngs is None or not (name in rngs or "default" in rngs):
        got = "None" if rngs is None else f"nnx.Rngs with {', '.join(rngs) or 'no stream'}"
        raise ValueError(f"rngs must have a stream {name!r} or be one for all, such as nnx.Rngs(0), got {got}")
    return rngs[name]


def dropout_key(module: RNNCell, deterministic: Any, rngs: nnx.Rngs | nnx.RngStream | None) -> Array | None:
    """A key for dropout, None where nothing is to be dropped."""
    deterministic = module.deterministic if deterministic is None else check_flag("deterministic", deterministic)
    if deterministic or not has_dropout(module.cell):
        return None
    if rngs is None:
        rngs = module.rngs
    return rngs() if isinstance(rngs, nnx.RngStream) else stream_of(rngs, "dropout")()
