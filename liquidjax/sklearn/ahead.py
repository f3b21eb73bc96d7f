"""Forecasts that go on after the end of series, by a model that says the next step."""

from typing import Any

import numpy as np

from liquidjax.models.bidirectional import Bidirectional
from liquidjax.sklearn.answers import filled
from liquidjax.sklearn.series import Series, of_each
from liquidjax.training.forecast import free_run
from liquidjax.training.model import Model
from liquidjax.training.precision import computing, precision_of


def steps_ahead(model: Model, given: Series, future_times: Any, steps: int) -> np.ndarray:
    """How long each step takes that is forecast, (cases, steps) in the unit of the model's time constants.

    Args:
        model: knows what a typical step is.
        given: what is before.
        future_times: (steps,) for all cases, (cases, steps), or a list of (steps,); None for typical steps.
        steps: how many.

    Raises:
        ValueError: times of another form, that do not increase, or where there are none before.
    """
    preparation = model.preparation
    assert preparation is not None
    if future_times is None:
        return np.full((len(given.values), steps), preparation.first_step / preparation.time_unit)
    if given.times is None:
        raise ValueError("future_times must be None where X has no times, which go on as steps")
    ahead = [np.asarray(times, float) for times in of_each("future_times", future_times, len(given.values))]
    if any(times.shape != (steps,) for times in ahead):
        raise ValueError(f"future_times must be of horizon = {steps} steps, got {[times.shape for times in ahead][:5]}")
    durations = np.diff(np.stack(ahead), prepend=np.array([times[-1] for times in given.times])[:, None])
    if not np.all((durations > 0) & np.isfinite(durations)):
        case = int(np.argmin(((durations > 0) & np.isfinite(durations)).all(1)))
        raise ValueError(
            f"future_times must increase from the last time of the case on, {given.times[case][-1]:g} of case {case}, "
            f"got {ahead[case].tolist()[:10]}"
        )
    return durations / preparation.time_unit


def go_on(model: Model, given: Series, durations: np.ndarray) -> np.ndarray:
    """What a model says comes after each case, float64 (cases, features, steps); see `liquidjax.training.forecast`."""
    preparation, objective = model.preparation, model.objective
    assert preparation is not None and objective is not None and not isinstance(model.cell, Bidirectional)
    cases, steps = durations.shape
    data = filled(given).dataset()
    inputs, dt = preparation.apply(data)
    more = np.broadcast_to(durations[:1], (len(data) - cases, steps))
    ahead = np.concatenate([durations, more]).T.astype(dt.dtype)
    mask = None if data.mask.all() else data.mask.T
    with computing(precision_of(model.params)):
        found = free_run(model.cell, model.params, inputs.swapaxes(0, 1), dt.T, steps, ahead, mask=mask)
    return objective.in_units(np.asarray(found), preparation).transpose(1, 2, 0)[:cases]
