"""What a trained model says about data, in the words and units of the data it was trained on."""

from typing import NamedTuple

import numpy as np

from liquidjax.models.bidirectional import Bidirectional
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.training.evaluation import evaluate
from liquidjax.training.examples import examples
from liquidjax.training.model import Model
from liquidjax.training.objective import Loss, Objective
from liquidjax.training.precision import computing, precision_of
from liquidjax.training.state import as_objective


class Predictions(NamedTuple):
    """answers: probabilities or values, (series, ...), or one for each step, (series, time, ...), NaN in padding.
    scores: how good they are, {} where the data have no targets; loss: what was made smaller, or None.
    """

    answers: np.ndarray
    scores: dict[str, float]
    loss: float | None


def predict(model: Model, data: SequenceDataset, objective: Objective | Loss | None = None) -> Predictions:
    """What a model answers to each series, and how good that is where the data have targets.

    A model in float64 computes in float64, whether that is switched on in JAX or not.

    Args:
        model: with a preparation and an objective, as `fit` makes it.
        data: of the same features, in the same order; targets are for the scores only.
        objective: in the place of the model's; a model that was trained for a function of yours has none.

    Raises:
        ValueError: a model without preparation, no objective, or data of other features or classes.

    Example:
        >>> import liquidjax as lj
        >>> from liquidjax.training.fit import fit
        >>> from liquidjax.training.objectives import Regression
        >>> series = [np.full((4, 1), value) for value in (1.0, 2.0, 3.0)]
        >>> data = SequenceDataset.of(series, targets=[10.0, 20.0, 30.0])
        >>> fitted = fit(lj.Readout(lj.GRU(1, 4), 1), Regression(), data, epochs=60, batch_size=3)
        >>> found = predict(fitted.model(), data)
        >>> found.answers.shape, bool(found.scores["r2"] > 0.9)
        ((3, 1), True)
    """
    meant: Objective | None = model.objective if objective is None else as_objective(objective)
    if model.preparation is None or meant is None:
        missing = "preparation" if model.preparation is None else "objective"
        raise ValueError(f"the model must have a preparation and an objective, as `fit` makes it, and has no {missing}")
    if isinstance(model.cell, Bidirectional):
        raise ValueError("the model must be a cell, got Bidirectional; run it by its `unroll`")
    if model.features and data.features != model.features:
        raise ValueError(
            f"the data must have the features the model was trained on, in their order: {', '.join(model.features)}; "
            f"got {', '.join(data.features)}"
        )
    if data.targets is not None and data.classes != model.classes:
        raise ValueError(
            f"the data must have the classes the model was trained on: {model.classes}; got {data.classes}"
        )
    with computing(precision_of(model.params)):
        ready = examples(data, model.preparation, meant)
        found = evaluate(model.cell, meant, model.params, ready)
    scores = {} if ready.targets is None else meant.scores(found.answers, ready.targets)
    return Predictions(meant.in_units(found.answers, model.preparation), scores, found.loss)
