"""What an export is compared with before anybody says it is done: the model itself, on irregular series with gaps."""

import functools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from liquidjax.export.deployed import NO_BATCH, Deployed, cast
from liquidjax.sequences.unroll import unroll
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.training.precision import computing

TOLERANCE = {"float32": 1e-4, "float64": 1e-6}
"""How far an export may be from the model, see `difference`: a preparation gives its inputs as float32."""
STEPS, SERIES = 48, 3
PACES = (1.0, 0.1, 0.01, 0.001)
"""An explicit integrator diverges where a step is too long for it; then the same is read at a lower pace."""


class DisagreementError(ValueError):
    """An export does not answer as its model, or the model with nothing that could be compared."""


class Readings(NamedTuple):
    """features (time, series, features), NaN where a model takes it; dt (time, series), that of a first step first."""

    features: np.ndarray
    dt: np.ndarray


class Written(NamedTuple):
    """What an export is when it is done: the file, its length in bytes, and how far it is from the model at most."""

    path: Path
    bytes: int
    difference: float


def trial(deployed: Deployed, steps: int = STEPS, series: int = SERIES) -> tuple[Readings, np.ndarray]:
    """Readings, and what the model itself answers to them, which is finite.

    NaN can be compared with nothing. So where the model diverges, it is given the same at a tenth of the pace, and so
    on.

    Raises:
        ValueError: it answers NaN or infinity at a thousandth of the pace too.
    """
    for given, wanted in _finite(deployed, steps, series):
        return given, wanted
    raise ValueError(
        f"the model must answer finite numbers to be exported, but a cell {type(deployed.cell).__name__} with these "
        "parameters answers NaN or infinity to series like those of its training, so there is nothing to compare with"
    )


def readings(
    deployed: Deployed, steps: int = STEPS, series: int = SERIES, seed: int = 0, pace: float = 1.0
) -> Readings:
    """Irregular series in the units of the data of a model, made up from what its preparation knows of them.

    Features are normally distributed as in training, the times between them exponentially, and a tenth of the features
    is missing where the model has a preparation. As many decimal places as float32 holds. `pace` stretches the times,
    all but that before the first step where the preparation has settled it.

    Example:
        >>> import jax, liquidjax as lj
        >>> cell = lj.GRU(inputs=2, units=3)
        >>> made = readings(Deployed(lj.Model(cell, cell.init(jax.random.key(0)))), steps=5)
        >>> made.features.shape, made.dt.shape
        ((5, 3, 2), (5, 3))
    """
    rng, preparation = np.random.default_rng(seed), deployed.model.preparation
    features = rng.normal(size=(steps, series, len(deployed.features)))
    dt = pace * np.maximum(rng.exponential(size=(steps, series)), 0.01)
    first = pace * deployed.first_dt
    if preparation is not None:
        features = features * preparation.spread + preparation.mean
        features[rng.random(features.shape) < 0.1] = np.nan
        dt, first = dt * preparation.time_unit, deployed.first_dt
    dt[0] = first
    return Readings(features.astype(np.float32).astype(deployed.dtype), dt.astype(np.float32).astype(deployed.dtype))


def expected(deployed: Deployed, given: Readings) -> np.ndarray:
    """What the model itself answers after each step, (time, series, answers): by the preparation of whole series and by
    `unroll`, not by the function that is exported.
    """
    model, (time, series, _) = deployed.model, given.features.shape
    inputs, dt = given
    if model.preparation is not None:
        times = np.cumsum(given.dt.astype(float), axis=0)
        data = SequenceDataset(given.features.transpose(1, 0, 2), times.T)
        prepared = model.preparation.apply(data)
        inputs, dt = prepared.inputs.transpose(1, 0, 2), prepared.dt.T
    objective = model.objective
    # In full precision, as exports compute: an accelerator would shorten the numbers that a product is made of.
    with computing(deployed.dtype), jax.default_matmul_precision("highest"):
        inputs, dt = inputs.astype(deployed.dtype), dt.astype(deployed.dtype)
        params = jax.tree.map(functools.partial(cast, dtype=deployed.dtype), model.params)
        outputs = unroll(deployed.cell, params, inputs, dt)[1]
        if objective is None:
            return np.asarray(outputs)
        if getattr(objective, "at", "step") == "step":
            answers = np.asarray(objective.answers(outputs, NO_BATCH))
        else:  # what it would answer if the series ended here: each end makes another series, with a mask
            before = np.tri(time, dtype=bool).T  # (time, ends)
            mask = np.broadcast_to(before[:, :, None], (time, time, series))
            every = np.broadcast_to(np.asarray(outputs)[:, None], (*mask.shape, outputs.shape[-1]))
            answers = np.asarray(objective.answers(every, NO_BATCH._replace(mask=mask)))
    found = answers if model.preparation is None else objective.in_units(answers, model.preparation)
    return np.asarray(found).reshape(time, series, -1)


def difference(deployed: Deployed, answers: Any, wanted: np.ndarray) -> float:
    """The largest difference: of probabilities as it is, of values in spreads, of outputs in their largest magnitude
    where that is above 1. NaN where an answer is NaN.

    Raises:
        ValueError: another shape.
    """
    found = np.asarray(answers, float)
    if found.shape != wanted.shape:
        raise ValueError(f"an export must answer {wanted.shape}, (time, series, answers), got {found.shape}")
    return float(np.max(np.abs(found - wanted) / unit(deployed, wanted), initial=0.0))


def check(deployed: Deployed, answers: Any, wanted: np.ndarray, what: str) -> float:
    """The difference, where it is small enough to say that an export is done.

    Raises:
        ValueError: it is not, or is NaN.
    """
    found, most = difference(deployed, answers, wanted), TOLERANCE[deployed.dtype]
    if not found <= most:
        raise ValueError(
            f"{what} must answer what the model answers, to {most:g}, but is {found:.2g} away, so nothing was written; "
            f"the cell is {type(deployed.cell).__name__}"
        )
    return found


def agreed(deployed: Deployed, distance: Callable[[Readings, np.ndarray], float]) -> float:
    """The largest difference of an export from its model, where the model agrees with itself.

    An integrator that is unstable in steps as long as those of the data enlarges the rounding of the model too; then
    both are asked at a lower pace.

    Args:
        deployed: the model.
        distance: runs the export on readings, and gives its `difference` from what the model answers to them.

    Raises:
        DisagreementError: the difference is too large, or the model answers nothing that could be compared.
    """
    most = TOLERANCE[deployed.dtype]
    for given, wanted in _finite(deployed):
        found = distance(given, wanted)
        if found <= most:
            return found
        if _own_rounding(deployed, given, wanted) < most / 10:
            raise DisagreementError(
                f"its answers are {found:.2g} away from those of the model, and {most:g} is allowed"
            )
    raise DisagreementError(
        "the model answers ordinary readings with NaN, infinity or its own rounding, with which nothing can be "
        "compared: its parameters are damaged, or its integrator is unstable"
    )


def _finite(deployed: Deployed, steps: int = STEPS, series: int = SERIES) -> Iterator[tuple[Readings, np.ndarray]]:
    """Readings at each pace at which the model answers numbers, and those."""
    for pace in PACES:
        given = readings(deployed, steps, series, pace=pace)
        wanted = expected(deployed, given)
        if np.isfinite(wanted).all():
            yield given, wanted


def _own_rounding(deployed: Deployed, given: Readings, wanted: np.ndarray) -> float:
    """How far the model is from itself in the other precision; of float64 no more than float32 can say."""
    other = "float64" if deployed.dtype == "float32" else "float32"
    cast_readings = Readings(*(each.astype(other) for each in given))
    found = difference(deployed, expected(Deployed(deployed.model, other), cast_readings), wanted)
    return found if other == "float64" else found * TOLERANCE["float64"] / TOLERANCE["float32"]


class Program(Protocol):
    """An export that was loaded back and can be run here; a sequence is None where it has none."""

    @property
    def sequence(self) -> Callable[..., Any] | None: ...

    def initial_state(self, batch: int) -> Any: ...

    def step(self, state: Any, features: Any, dt: Any) -> tuple[Any, Any]: ...


def compare(
    deployed: Deployed, program: Program, given: Readings, wanted: np.ndarray, sizes: Iterable[tuple[int, int]]
) -> float:
    """The largest difference of a program from `expected`, one step after another and as a sequence.

    Args:
        deployed: the model.
        program: what was made of it.
        given, wanted: see `readings` and `expected`.
        sizes: (steps, series) that it is given of them, the first ones.

    Raises:
        ValueError: it is too far away.
    """
    found = 0.0
    for steps, series in sizes:
        features, dt = given.features[:steps, :series], given.dt[:steps, :series]
        state, answers = program.initial_state(series), []
        for step in range(steps):
            state, answer = program.step(state, features[step], dt[step])
            answers.append(np.asarray(answer))
        part = wanted[:steps, :series]
        found = max(found, check(deployed, np.stack(answers), part, "the exported step"))
        if program.sequence is not None:
            _, whole = program.sequence(program.initial_state(series), features, dt)
            found = max(found, check(deployed, whole, part, "the exported sequence"))
    return found


def unit(deployed: Deployed, wanted: np.ndarray) -> Any:
    """What a difference of 1 is, for each answer."""
    preparation = deployed.model.preparation
    if preparation is not None and deployed.kind in ("values", "next features"):
        spread = preparation.target_spread if deployed.kind == "values" else preparation.spread
        if spread is not None:  # and where a mean is large, the digits that its numbers have
            return np.maximum(np.asarray(spread), 1e-2 * np.max(np.abs(wanted), axis=(0, 1)))
    return 1.0 if deployed.kind == "probabilities" else max(1.0, float(np.max(np.abs(wanted), initial=0.0)))
