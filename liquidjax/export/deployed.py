"""A model as what every export holds: one step of readings in the units of the data, a state, and the answer so far."""

import functools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax._checks import check_choice, check_kind
from liquidjax._types import Array, Cell
from liquidjax.models.bidirectional import Bidirectional
from liquidjax.training import parameters
from liquidjax.training.model import Model
from liquidjax.training.objective import Batch
from liquidjax.training.objectives import Classification, Event, Forecast, Regression
from liquidjax.training.precision import computing

Carried = dict[str, Array]
"""The state between two steps: arrays (*batch, ...) by name. Those of the cell begin with `cell`."""

NO_BATCH = Batch(None, None, None, None, None)
"""For the answers of an objective, which ask for the mask only."""


@dataclass(frozen=True, eq=False)
class Deployed:
    """The scaling of the data, the cell and the answer of a model as one pure function of a step.

    A step reads features in the units of the data and the time that has passed since the step before. A feature that is
    NaN was not observed: it is filled as in training. What comes out is the answer so far: probabilities, values in
    the units of the data, or without an objective the outputs of the cell. After the last step of a series it is what
    `predict` answers, of a model that answers by the mean over the steps too.

    Args:
        model: a model of a cell; without a preparation it reads what the cell reads.
        dtype: what is computed in, "float32" or "float64"; parameters are cast to it.

    Raises:
        ValueError: a model that has no step, or an objective whose answers cannot be exported.

    Example:
        >>> import liquidjax as lj
        >>> cell = lj.LTC(inputs=2, wiring=lj.AutoNCP(units=16, outputs=1))
        >>> deployed = Deployed(lj.Model(cell, cell.init(jax.random.key(0))))
        >>> state = deployed.initial_state((3,))
        >>> list(state), state["cell"].shape
        (['cell'], (3, 16))
        >>> state, answers = deployed.step(state, jnp.ones((3, 2)), jnp.full(3, 0.1))
        >>> answers.shape
        (3, 1)
    """

    model: Model
    dtype: str = "float32"

    def __post_init__(self):
        check_kind("model", self.model, Model, "a Model, as lj.load or fit(...).model() gives it")
        check_choice("dtype", self.dtype, ("float32", "float64"))
        if isinstance(self.model.cell, Bidirectional):
            raise ValueError("Bidirectional cannot be exported: it reads a series from its end too, and has no step")
        objective = self.model.objective
        if objective is not None and not isinstance(objective, Classification | Event | Regression | Forecast):
            raise ValueError(
                f"the answers of the objective {type(objective).__name__} cannot be exported: they are not made by "
                "JAX alone; lj.Model(model.cell, model.params, model.preparation) exports the outputs of the cell"
            )

    @property
    def cell(self) -> Cell:
        """The cell of the model."""
        assert not isinstance(self.model.cell, Bidirectional)
        return self.model.cell

    @property
    def features(self) -> tuple[str, ...]:
        """The name of each number that a step reads."""
        number = self.cell.inputs if self.model.preparation is None else len(self.model.preparation.mean)
        return self.model.features or tuple(f"x{i + 1}" for i in range(number))

    @property
    def answers(self) -> tuple[str, ...]:
        """The name of each number that a step answers: classes, the event, or values."""
        match self.model.objective:
            case Classification():
                named = self.model.classes
            case Event():
                named = None if self.model.classes is None else self.model.classes[1:]
            case Forecast():
                named = self.features
            case _:
                named = self.model.outputs
        return named or tuple(f"y{i + 1}" for i in range(self.cell.outputs))

    @property
    def kind(self) -> str:
        """What the answers are: "probabilities", "values", "next features" or "outputs"."""
        kinds = {Classification: "probabilities", Event: "probabilities", Regression: "values"}
        kinds |= {Forecast: "next features", type(None): "outputs"}
        return kinds[type(self.model.objective)]

    @property
    def means(self) -> bool:
        """Whether the answer is that of the mean of the outputs so far."""
        return getattr(self.model.objective, "at", None) == "mean"

    @property
    def first_dt(self) -> float:
        """What stands for the time before the first step of a series, which nobody knows; in the unit of the times."""
        return 1.0 if self.model.preparation is None else self.model.preparation.first_step

    @property
    def state_names(self) -> tuple[str, ...]:
        """The names of the state, in the order of the alphabet, which is that of every dict of it."""
        return tuple(self.state_shapes)

    @functools.cached_property
    def state_shapes(self) -> dict[str, jax.ShapeDtypeStruct]:
        """Shape and dtype of each array of the state, without batch axes."""
        with computing(self.dtype):
            return jax.eval_shape(lambda: self.initial_state(()))

    def initial_state(self, batch: tuple[Any, ...] = ()) -> Carried:
        """The state before the first step of a series."""
        start = self.cell.initial_state(batch, self.dtype)
        state: Carried = {_cell_name(name): leaf for name, leaf in parameters.by_name(start).items()}
        preparation = self.model.preparation
        if preparation is not None and preparation.fill == "carry":
            state["filled"] = jnp.zeros((*batch, len(self.features)), self.dtype)
        if preparation is not None and preparation.since:
            state["since"] = jnp.zeros((*batch, len(self.features)), self.dtype)
        if self.means:
            state["mean"] = jnp.zeros((*batch, self.cell.outputs), self.dtype)
        if "since" in state or self.means:
            state["steps"] = jnp.zeros(batch, self.dtype)
        return dict(sorted(state.items()))  # the order in which JAX takes the arrays of a dict

    def step(self, state: Carried, features: Array, dt: Array) -> tuple[Carried, Array]:
        """One step: (state, answers).

        Args:
            state: as `initial_state` or the step before gave it.
            features: (*batch, features), in the units of the data; NaN where one was not observed.
            dt: (*batch), the time since the step before, in the unit of the times of the data.
        """
        state = dict(state)
        dt = dt / self._number(1.0 if self.model.preparation is None else self.model.preparation.time_unit)
        inputs = features if self.model.preparation is None else self._prepared(state, features, dt)
        cell, params = self.cell, jax.tree.map(functools.partial(cast, dtype=self.dtype), self.model.params)
        before = self._cell_state(state)
        after, outputs = cell.step(params, before, cell.sense(params, inputs), dt)
        state |= {_cell_name(name): leaf for name, leaf in parameters.by_name(after).items()}
        if "steps" in state:
            state["steps"] = state["steps"] + 1
        if self.means:  # m_n = m_{n-1} + (y_n - m_{n-1}) / n, which a million steps leave exact where a sum would not
            outputs = state["mean"] = state["mean"] + (outputs - state["mean"]) / state["steps"][..., None]
        return dict(sorted(state.items())), self._answers(outputs)

    def sequence(self, state: Carried, features: Array, dt: Array) -> tuple[Carried, Array]:
        """Steps one after another: (state, answers after each of them (time, *batch, answers)).

        Args:
            state: before the first step.
            features: (time, *batch, features).
            dt: (time, *batch).
        """
        return jax.lax.scan(lambda state, now: self.step(state, *now), state, (features, dt))

    def _prepared(self, state: Carried, features: Array, dt: Array) -> Array:
        """The inputs of the cell, see `Preparation.apply`; what was last observed is kept in the state."""
        preparation = self.model.preparation
        assert preparation is not None
        observed = ~jnp.isnan(features)
        # The mean as two numbers, so that what is left after it is taken away is exact where the two are close.
        mean = np.asarray(preparation.mean)
        high = mean.astype(self.dtype)
        low = (mean - high).astype(self.dtype)
        scaled = (jnp.where(observed, features, high) - high - low) / self._number(preparation.spread)
        filled = jnp.where(observed, scaled, state["filled"] if "filled" in state else self._number(0.0))
        if "filled" in state:
            state["filled"] = filled
        parts = [filled]
        if preparation.indicators:
            parts.append(observed.astype(self.dtype))
        if preparation.since:  # of what has not been observed yet, since the first step
            passed = jnp.where(state["steps"][..., None] > 0, state["since"] + dt[..., None], self._number(0.0))
            state["since"] = jnp.where(observed, self._number(0.0), passed)
            parts.append(state["since"])
        return jnp.concatenate(parts, axis=-1)

    def _answers(self, outputs: Array) -> Array:
        """What the outputs of a step say, (*batch, answers)."""
        objective, preparation = self.model.objective, self.model.preparation
        if objective is None:
            return outputs
        found = objective.answers(outputs[None], NO_BATCH)
        if self.means or getattr(objective, "at", "step") == "last":
            found = found[None]  # they have no axis of time
        found = found[0]
        if isinstance(objective, Event):
            return found[..., None]
        if preparation is not None and isinstance(objective, Regression | Forecast):
            values = isinstance(objective, Regression)
            mean, spread = (
                (preparation.target_mean, preparation.target_spread)
                if values
                else (preparation.mean, preparation.spread)
            )
            if spread is not None:
                return found * self._number(spread) + self._number(mean)
        return found

    def _cell_state(self, state: Carried) -> Any:
        like = jax.eval_shape(lambda: self.cell.initial_state((), self.dtype))
        names = [_cell_name(name) for name in parameters.by_name(like)]
        return jax.tree.unflatten(jax.tree.structure(like), [state[name] for name in names])

    def _number(self, value: Any) -> Any:
        return np.asarray(value, self.dtype)


def _cell_name(name: str) -> str:
    """The state of a cell that is one array has no name of its own."""
    return "cell" if name == "params" else f"cell.{name}"


def cast(leaf: Any, dtype: str) -> np.ndarray:
    """A parameter in the precision that is computed in; what is no floating point number stays what it is."""
    found = np.asarray(leaf)
    return found.astype(dtype) if jnp.issubdtype(found.dtype, jnp.floating) else found
