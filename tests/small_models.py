"""Models as they come out of a training, small: every objective, every way to fill gaps."""

from typing import Any

import liquidjax as lj
from drawn import drawn
from liquidjax.tasks.preparation import Preparation
from liquidjax.training.objectives import Classification, Event, Forecast, Regression
from small_cells import NCP

MEAN, SPREAD = (0.5, -20.0), (2.0, 5.0)
CLASSES = ("idle", "walk", "run")


def prepared(**choices: Any) -> Preparation:
    """Of two features; the times are in tens of what the cell counts."""
    return Preparation(MEAN, SPREAD, time_unit=10.0, first_step=7.0, **choices)


def model(objective: Any, answers: int, preparation: Preparation | None, cell: Any = None, **names: Any) -> lj.Model:
    """A GRU, or another cell with two states, under a readout."""
    inputs = 2 if preparation is None else preparation.inputs
    cell = lj.Readout(lj.GRU(inputs, 2) if cell is None else cell, answers)
    return lj.Model(cell, drawn(cell), preparation, objective, **names)


VALUES: dict[str, Any] = {"target_mean": (100.0, 1.0), "target_spread": (30.0, 0.1)}
MODELS = {
    "class, last": model(Classification(), 3, prepared(), features=("x", "y"), classes=CLASSES),
    "class, mean, indicators": model(Classification("mean"), 3, prepared(indicators=True), classes=CLASSES),
    "class, step, since": model(Classification("step"), 3, prepared(since=True), classes=CLASSES),
    "event, last, filled with the mean": model(Event(), 1, prepared(fill="mean"), classes=("calm", "storm")),
    "event, mean, all": model(Event("mean"), 1, prepared(fill="mean", indicators=True, since=True)),
    "event, step": model(Event("step"), 1, prepared(), classes=("calm", "storm")),
    "values, last, ltc": model(Regression(), 2, prepared(**VALUES), lj.LTC(2, NCP, lj.SemiImplicit(1))),
    "values, mean, lstm": model(Regression("mean"), 2, prepared(since=True, **VALUES), lj.LSTM(4, 2)),
    "values, step, cfc": model(Regression("step"), 2, prepared(**VALUES), lj.CfC(2, 2, backbone_units=3)),
    "forecast": model(Forecast(), 2, prepared(indicators=True), features=("x", "y")),
}
PLAIN = model(None, 2, None)
"""Without preparation and objective."""
