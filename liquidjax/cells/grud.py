"""The gated recurrent unit with decays, the usual network for readings that are missing."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from liquidjax._checks import check_flag, check_key, check_size, settle
from liquidjax._types import Array, exportable
from liquidjax.layers.linear import Linear, init_linear, uniforms, zeros

FASTEST = 0.2
"""The largest decay rate at first, in 1 / unit of dt: so a GRU-D begins with a memory of some ten of them."""


@exportable
class InputDecay(NamedTuple):
    """weight and bias of each feature by itself, both (features,)."""

    weight: Array
    bias: Array


@exportable
class GRUDParams(NamedTuple):
    """inputs: weight (inputs, 3, units), bias (3, units); recurrent: (units, 3, units). Gates in order r, z, n.

    hidden_decay: weight (features, units), or (1, units) where all is observed; input_decay: None there.
    """

    inputs: Linear
    recurrent: Array
    hidden_decay: Linear
    input_decay: InputDecay | None


@exportable
class GRUDState(NamedTuple):
    """hidden: (*batch, units). Of each feature, (*batch, features), or None where all is observed:

    last: what was observed last, 0 before anything was; since: the time since then, 0 where it was in this step.
    """

    hidden: Array
    last: Array | None
    since: Array | None


class GRUDSensed(NamedTuple):
    """values (*batch, features), and which of them were observed, bool, None where all are."""

    values: Array
    observed: Array | None


@dataclass(frozen=True)
class GRUD:
    """GRU-D: a GRU whose missing inputs decay to their mean, and whose state decays, by the time since each reading.

    With the indicator m of each feature, 1 where it was observed, and the time d since the reading before this one,
    d = dt + (1 - m_before) d_before:

    x = m u + (1 - m) g_u u_last,  g_u = exp(-max(0, w d + v));   h <- g_h h,  g_h = exp(-max(0, W_g d + b_g));
    r = sigmoid(W_r x + V_r m + U_r h + b_r);  z = sigmoid(W_z x + V_z m + U_z h + b_z);
    n = tanh(W_n x + V_n m + U_n (r h) + b_n);  h <- (1 - z) h + z n.

    The inputs are [u, m], as `Preparation(indicators=True)` makes them: scaled, so that their mean is 0. The cell keeps
    u_last itself: what stands in the place of a missing value is not looked at, whatever filled it, and nothing comes
    from later readings. An indicator counts as 1 above a half. d is not `Preparation(since=True)`, which is 0 where a
    reading has just come in; do not give that too. Where nothing is missing, indicators=False leaves m, V and the
    decay of inputs out; d is then dt.

    As the equations say: with dt = 0 nothing decays but by a bias above 0, and a bias below 0 puts decay off. The paper
    has d = 0 at the first step, here it is dt, which shows only in features that are missing there: first_step=0 of the
    `Preparation` is as the paper.

    Args:
        inputs: number of input features: an even number, the values and behind them as many indicators.
        units: size of the hidden state; all of it is output.
        indicators: whether there are indicators.

    Raises:
        ValueError: a size is out of range, or inputs are not twice a number of features.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.GRUD(inputs=4, units=8)  # two features and whether they were observed
        >>> params = cell.init(jax.random.key(0))
        >>> state, outputs = lj.unroll(cell, params, jnp.ones((10, 3, 4)), dt=0.1)
        >>> outputs.shape, state.since.shape
        ((10, 3, 8), (3, 2))

    Reference:
        Che et al., "Recurrent neural networks for multivariate time series with missing values", Scientific Reports 8,
        6085 (2018), equations 4 to 6 of arXiv 1606.01865, without dropout and batch normalisation. Chosen here: what
        the parameters are drawn from, and one weight for all of dt where nothing is missing.
    """

    inputs: int
    units: int
    indicators: bool = True

    def __post_init__(self):
        settle(self, check_size, "inputs", "units")
        settle(self, check_flag, "indicators")
        if self.indicators and self.inputs % 2:
            raise ValueError(
                f"inputs must be even, the values and as many indicators of what was observed, as "
                f"Preparation(indicators=True) makes them, got {self.inputs}; indicators=False where nothing is missing"
            )

    @property
    def features(self) -> int:
        """Number of values among the inputs."""
        return self.inputs // 2 if self.indicators else self.inputs

    @property
    def outputs(self) -> int:
        return self.units

    def init(self, key: Array) -> GRUDParams:
        """Draws the parameters: Xavier-uniform input weights, orthogonal recurrent weights, biases 0; decay weights
        above 0, so that the maximum has a slope, and small, so that the rate of a decay starts below 0.2.
        """
        input_key, recurrent_key, decay_key = jax.random.split(check_key(key), 3)
        orthogonal = jax.nn.initializers.orthogonal()
        recurrent = [orthogonal(k, (self.units, self.units), float) for k in jax.random.split(recurrent_key, 3)]
        gaps = self.features if self.indicators else 1
        hidden, of_inputs = uniforms(
            decay_key, (((gaps, self.units), 0.0, FASTEST / gaps), ((self.features,), 0.0, FASTEST))
        )
        return GRUDParams(
            init_linear(input_key, self.inputs, self.units, heads=3)._replace(bias=jnp.zeros((3, self.units))),
            jnp.stack(recurrent, axis=1),
            Linear(hidden, jnp.zeros(self.units)),
            InputDecay(of_inputs, jnp.zeros(self.features)) if self.indicators else None,
        )

    def initial_state(self, batch_shape: tuple[int, ...] = (), dtype: Any = float) -> GRUDState:
        """Zeros: nothing was observed yet, and no time has passed."""
        hidden = zeros(batch_shape, self.units, dtype)
        if not self.indicators:
            return GRUDState(hidden, None, None)
        return GRUDState(hidden, zeros(batch_shape, self.features, dtype), zeros(batch_shape, self.features, dtype))

    def sense(self, params: GRUDParams, inputs: Array, key: Array | None = None) -> GRUDSensed:
        """The inputs (*batch, inputs) as values and what of them was observed; their weights come after the decay."""
        if not self.indicators:
            return GRUDSensed(inputs, None)
        return GRUDSensed(inputs[..., : self.features], inputs[..., self.features :] > 0.5)

    def step(self, params: GRUDParams, state: GRUDState, sensed: GRUDSensed, dt: Array) -> tuple[GRUDState, Array]:
        """(state, hidden)."""
        gap, x, last, since = dt[..., None], sensed.values, None, None
        if sensed.observed is not None:
            assert state.last is not None and state.since is not None and params.input_decay is not None
            # Gaps of which a sum of products with weights of both signs cannot be inf - inf.
            gap = jnp.minimum(gap + state.since, float(jnp.finfo(x.dtype).max) ** 0.5)
            last = jnp.where(sensed.observed, x, state.last)
            left = _left_over(params.input_decay.weight * gap + params.input_decay.bias)
            x = jnp.concatenate([jnp.where(sensed.observed, x, left * last), sensed.observed.astype(x.dtype)], axis=-1)
            since = jnp.where(sensed.observed, 0, gap)
        hidden = _left_over(params.hidden_decay(gap)) * state.hidden
        recurrent = Linear(params.recurrent[:, :2], jnp.zeros((), x.dtype))(hidden)
        gates = params.inputs(x)
        r, z = (jax.nn.sigmoid(gates[..., k, :] + recurrent[..., k, :]) for k in range(2))
        n = jnp.tanh(gates[..., 2, :] + (r * hidden) @ params.recurrent[:, 2])
        hidden = (1 - z) * hidden + z * n
        return GRUDState(hidden, last, since), hidden


def _left_over(decayed: Array) -> Array:
    """exp(-max(0, x)), a share between 0 and 1."""
    return jnp.exp(-jax.nn.relu(decayed))
