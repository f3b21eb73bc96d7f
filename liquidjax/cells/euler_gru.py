"""The gated recurrent unit as a step of a differential equation, so that it can be run with another dt."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import jax

from liquidjax._belong import check_integrator
from liquidjax._checks import UNRESOLVED, check_choice, check_size, resolve, settle
from liquidjax._types import Array, Integrator
from liquidjax.cells import ode
from liquidjax.cells.gru import GRU, GRUParams, gru_gates
from liquidjax.integrators import Euler, Exponential
from liquidjax.layers.linear import zeros


@dataclass(frozen=True)
class EulerGRU:
    """Gated recurrent unit in continuous time: dh/dt = rate (n - h), with the gates z and the candidate n of `GRU`.

    form="euler":  rate = 1 - z,    h <- h + dt (1 - z) (n - h)   a GRU is one step of Euler's method with dt = 1;
    form="exact":  rate = -log z,   h <- n + z^dt (h - n)         a GRU is the solution after dt = 1, n and z held.

    At dt = 1 either is the `GRU` of the same parameters, which are those of a `GRU` and need no conversion: so one that
    was trained at a fixed rate runs at another one without being trained again, and one that is trained on irregular
    data is told their times. The unit of dt is the step that the GRU was trained at.

    Euler's step overshoots the candidate where dt (1 - z) is above 1, and may diverge from dt (1 - z) = 2 on, which
    nothing here clips: keep dt at most 1, as the paper does, who divide it by its largest or let it saturate; or take
    form="exact", whose new state lies between the old one and the candidate at any dt. Other integrators, and more
    unfolds, solve the same equation, but are no GRU at dt = 1.

    Args:
        inputs: number of input features.
        units: size of the hidden state; all of it is output.
        form: "euler" or "exact".
        integrator: how the state moves through dt; `Euler()` or `Exponential()`, as the form says, by default.

    Raises:
        ValueError: a size is out of range, or the form is unknown.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> params = lj.GRU(inputs=2, units=8).init(jax.random.key(0))  # as trained with steps of 1
        >>> cell = lj.EulerGRU(inputs=2, units=8)
        >>> state, outputs = lj.unroll(cell, params, jnp.ones((20, 3, 2)), dt=0.5)  # twice as many readings
        >>> outputs.shape
        (20, 3, 8)

    Reference:
        Lukosevicius and Uselis, "Task-synchronized recurrent neural networks" (first "Time-adaptive recurrent neural
        networks"), arXiv 2204.05192, whose z is 1 - z here and whose reset gate acts before the matrix product; the
        exact form is chosen here.
    """

    inputs: int
    units: int
    form: Literal["euler", "exact"] = "euler"
    integrator: Integrator = UNRESOLVED  # None means that of the form
    coefficients_read_state: ClassVar[bool] = True

    def __post_init__(self):
        settle(self, check_size, "inputs", "units")
        check_choice("form", self.form, ("euler", "exact"))
        resolve(self, integrator=Euler() if self.form == "euler" else Exponential())
        check_integrator(self.integrator)

    @property
    def outputs(self) -> int:
        return self.units

    def init(self, key: Array) -> GRUParams:
        """Draws the parameters, as `GRU` does."""
        return GRU(self.inputs, self.units).init(key)

    def initial_state(self, batch_shape: tuple[int, ...] = (), dtype: Any = float) -> Array:
        """Zeros (*batch_shape, units)."""
        return zeros(batch_shape, self.units, dtype)

    def sense(self, params: GRUParams, inputs: Array, key: Array | None = None) -> Array:
        """What the inputs (*batch, inputs) contribute to the gates."""
        return params.inputs(inputs)

    def coefficients(self, params: GRUParams, state: Array, sensed: Array) -> tuple[Array, Array]:
        """(drive, rate) for state (*batch, units), the same shape."""
        z, n = gru_gates(params, state, sensed)
        # 1 - sigmoid(z) is sigmoid(-z), and -log sigmoid(z) is softplus(-z), which loses no digits near 0 and 1.
        rate = jax.nn.sigmoid(-z) if self.form == "euler" else jax.nn.softplus(-z)
        return rate * n, rate

    def step(self, params: GRUParams, state: Array, sensed: Array, dt: Array) -> tuple[Array, Array]:
        """(state, output), which are the same (*batch, units)."""
        state = ode.advance(self, params, state, sensed, dt)
        return state, self.readout(params, state)

    def readout(self, params: GRUParams, state: Array) -> Array:
        """The state itself."""
        return state
