"""Training: batches, epochs, early stopping, and members of an ensemble side by side."""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax._checks import check_kind, check_size
from liquidjax._types import Cell, Params
from liquidjax.sequences.gradients.gradient import Gradient
from liquidjax.sequences.methods.method import Method
from liquidjax.sequences.methods.scan import Scan
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.preparation import Preparation
from liquidjax.training.batches import Batches
from liquidjax.training.evaluation import evaluate
from liquidjax.training.examples import Examples, examples
from liquidjax.training.fit_arguments import (
    check_kinds,
    check_known,
    check_members_params,
    check_outputs,
    members_of,
    own_rows,
    seed_of,
)
from liquidjax.training.model import Model
from liquidjax.training.objective import Batch, Loss, Objective, OfFunction
from liquidjax.training.optimizer import Optimizer
from liquidjax.training.state import (
    StepInfo,
    TrainState,
    as_objective,
    check_gradient,
    init_state,
    train_step,
    usual_gradient,
)


class Epoch(NamedTuple):
    """What is known after an epoch. Of members every number is an array (members,).

    loss: the mean over the steps of the epoch; validation_loss and validation: loss and scores of the objective on the
    data that are not trained on, None and {} without such data; seconds: since the start.
    """

    epoch: int
    loss: Any
    validation_loss: Any
    validation: dict[str, Any]
    seconds: float


@dataclass(frozen=True, eq=False)
class Fitted:
    """What came of a training; with members every array has a leading axis (members,).

    Args:
        cell, objective, preparation: what was trained, for what, on inputs prepared how.
        params: the best by validation loss, or the last where there was none.
        last: the state after the last batch.
        best_epoch: the epoch of `params`, from 1; 0 where no epoch was finished.
        history: an `Epoch` for each whole one.
        features, classes, outputs: their names in the data.
    """

    cell: Cell
    objective: Objective
    preparation: Preparation
    params: Params
    last: TrainState
    best_epoch: Any
    history: list[Epoch]
    features: tuple[str, ...]
    classes: tuple[str, ...] | None
    outputs: tuple[str, ...] | None

    def model(self, member: int | None = None) -> Model:
        """All that is needed to use what was trained: to `predict` with, and to save."""
        params = self.params if member is None else self.member(member)
        objective = None if isinstance(self.objective, OfFunction) else self.objective
        return Model(self.cell, params, self.preparation, objective, self.features, self.classes, self.outputs)

    def member(self, number: int) -> Params:
        """The parameters of one member."""
        return jax.tree.map(lambda leaf: leaf[number], self.params)


def fit(
    cell: Cell,
    objective: Objective | Loss,
    training: SequenceDataset,
    validation: SequenceDataset | None = None,
    *,
    preparation: Preparation | None = None,
    optimizer: Optimizer = Optimizer(),
    epochs: int = 100,
    batch_size: int = 32,
    patience: int | None = None,
    seed: int = 0,
    members: Mapping[str, Sequence[float]] | None = None,
    rows: Any = None,
    params: Params = None,
    gradient: Gradient | Literal["auto"] = "auto",
    method: Method = Scan(),
    callback: Callable[[Epoch], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Fitted:
    """Trains a cell on series: the weighted mean of the losses of an objective becomes smaller.

    Args:
        cell: any `Cell`, with as many inputs as the preparation makes, and the outputs that the objective needs.
        objective: what is to be learnt, such as `Classification()`, or a function (outputs, batch) -> loss of each
            series.
        training: the data to learn from.
        validation: data to choose by; they are measured after each epoch and never trained on.
        preparation: of the inputs; learnt from the training data when None.
        optimizer: see `Optimizer`.
        epochs: times through the training data.
        batch_size: series in a step.
        patience: epochs without a better validation loss after which it stops; None for none.
        seed: of the parameters, the order of the series, and dropout.
        members: trains an ensemble side by side in one compiled program: values (members,) for each of "seed" (of the
            parameters), "learning_rate", "weight_decay" and "clip". All see the same batches.
        rows: int (members, series): each member trains on its own series of the data, and is validated on all.
        params: to start from, with a leading axis (members,) where there are members; drawn by the seed when None.
        gradient: see `unroll`; "auto" keeps everything (`BPTT`) for closed-form and gated cells, and states for others.
        method: see `unroll`.
        callback: called after each epoch with what is known then.
        stop: asked after each batch; when it says True, the training ends there.

    Returns:
        The best parameters, the last state and the history.

    Raises:
        ValueError: data, objective or settings that do not fit.
        FloatingPointError: the loss is no longer finite; of members, only when that is so of all.

    Example:
        >>> import liquidjax as lj
        >>> from liquidjax.training.objectives import Classification
        >>> rng = np.random.default_rng(0)
        >>> labels = np.arange(40) % 2
        >>> waves = [np.sin((1 + y) * np.arange(12)[:, None] + rng.normal()) for y in labels]
        >>> data = SequenceDataset.of(waves, targets=labels, classes=("slow", "fast"))
        >>> fitted = fit(lj.Readout(lj.CfC(1, 8), 2), Classification(), data, data, epochs=20, batch_size=10)
        >>> len(fitted.history), fitted.history[-1].validation["accuracy"] > 0.9
        (20, True)
    """
    check_kinds(cell, training, validation, preparation, optimizer)
    objective, method = as_objective(objective), _checked(method)
    seed = seed_of(seed)
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        check_size(name, value)
    if patience is not None:
        check_size("patience", patience)
        if validation is None:
            raise ValueError("patience needs validation data, by which an epoch is better than another")
    preparation = Preparation.learnt(training) if preparation is None else preparation
    if cell.inputs != preparation.inputs:
        raise ValueError(
            f"the cell must have {preparation.inputs} inputs, {len(preparation.mean)} features and what is read beside "
            f"them, got {cell.inputs}"
        )
    data = examples(training, preparation, objective)
    held_out = None if validation is None else examples(validation, preparation, objective)
    for name, part in (("training", data), ("validation", held_out)):
        if part is not None and part.targets is None:
            raise ValueError(f"the {name} data must have targets for {type(objective).__name__}, and have none")
    check_outputs(cell, objective, training)
    varied, seeds, count = members_of(members, optimizer)
    own = None if rows is None else own_rows(rows, count, len(data.mask))
    lengths = data.lengths if own is None else data.lengths[own].max(0)
    batches = Batches(lengths, min(batch_size, len(lengths)), seed)
    how = (cell, objective, optimizer, epochs * len(batches), check_gradient(gradient) or usual_gradient(cell), method)
    transform = optimizer.transform(how[3], **varied)
    state = _start(cell, transform, [seed] * (count or 1) if seeds is None else seeds, count, params)
    advance = functools.partial(_step if count is None else _steps, *how)
    best = _Best(patience, count)
    start, history = time.perf_counter(), []
    for epoch in range(1, epochs + 1):
        infos: list[StepInfo] = []
        for chosen, steps, _ in batches.epoch(epoch - 1):
            picked = chosen if own is None else np.where(chosen < 0, -1, own[:, np.maximum(chosen, 0)])
            state, info = advance(varied, state, data.batch(picked, steps))
            infos.append(info)
            if stop():
                _check_finite(infos, epoch, optimizer)
                return _fitted(cell, objective, preparation, best, state, history, training)
        # Only now wait for the numbers: a look at each loss at once would hold up the next step.
        losses = _check_finite(infos, epoch, optimizer)
        if epoch == 1 and not losses.any(0).all():
            check_known("training", cell, objective, data, own)
        held_out_loss, scores = _validate(cell, objective, state.params, held_out, count)
        record = Epoch(epoch, _plain(losses.mean(0, dtype=float)), held_out_loss, scores, time.perf_counter() - start)
        history.append(record)
        if epoch == 1 and held_out is not None and not np.isfinite(held_out_loss).all():
            check_known("validation", cell, objective, held_out)
        done = best.update(epoch, held_out_loss, state.params)
        if callback is not None:
            callback(record)
        if done:
            break
    return _fitted(cell, objective, preparation, best, state, history, training)


def _one(cell, objective, optimizer, steps, gradient, method, varied, state, batch):
    transform = optimizer.transform(steps, **varied)
    return train_step(cell, objective, transform, gradient, method, state, batch)


_step = jax.jit(_one, static_argnums=range(6), donate_argnames="state")


@functools.partial(jax.jit, static_argnums=range(6), donate_argnames="state")
def _steps(cell, objective, optimizer, steps, gradient, method, varied, state, batch):
    """The same for all members at once; series of their own are those of inputs with one more axis."""
    own = batch.inputs.ndim == 4
    axes = Batch(0, 0 if batch.dt.ndim == 3 else None, None if batch.mask is None else 0, 0, 0) if own else None
    one = functools.partial(_one, cell, objective, optimizer, steps, gradient, method)
    return jax.vmap(one, in_axes=(0, 0, axes))(varied, state, batch)


class _Best:
    """The best parameters so far, of each member apart, and whether it is time to stop."""

    def __init__(self, patience: int | None, count: int | None):
        self.patience, self.params = patience, None
        self.loss = np.full(() if count is None else count, np.inf)
        self.epoch = np.zeros(() if count is None else count, int)

    def update(self, epoch: int, loss: Any, params: Params) -> bool:
        better = np.asarray(loss is None or np.asarray(loss) < self.loss)
        if self.params is None or (better.all() and not better.ndim):
            self.params = jax.tree.map(jnp.copy, params)  # the next step gives the buffers away
        elif better.any():
            where = jnp.asarray(better)
            self.params = jax.tree.map(
                lambda new, old: jnp.where(where.reshape(-1, *[1] * (new.ndim - 1)), new, old), params, self.params
            )
        if loss is not None:
            self.loss = np.where(better, loss, self.loss)
        self.epoch = np.where(better, epoch, self.epoch)
        return self.patience is not None and bool(np.all(epoch - self.epoch >= self.patience))


def _fitted(cell, objective, preparation, best, state, history, data) -> Fitted:
    validated = bool(history) and history[-1].validation_loss is not None
    params = best.params if validated else jax.tree.map(jnp.copy, state.params)  # the last ones may be given away
    # Numbers that are not finite may come of the last step, whose loss nobody looked at, and of the validation data.
    found = "parameters are not" if not _any_finite(params, best.epoch.ndim) else "validation loss was never"
    if found.startswith("param") or (validated and not best.epoch.any()):
        raise FloatingPointError(
            f"the {found} finite in {len(history)} epochs; try a smaller learning rate, a smaller clip, or more unfolds"
        )
    epoch = _plain(best.epoch) if validated else len(history)
    names = data.features, data.classes, data.outputs
    return Fitted(cell, objective, preparation, params, state, epoch, history, *names)


def _start(cell, transform, seeds, count, params) -> TrainState:
    keys = [jax.random.key(seed) for seed in seeds]
    if count is None:
        return init_state(cell, transform, keys[0], params)
    if params is None:
        return jax.vmap(lambda key: init_state(cell, transform, key))(jnp.stack(keys))
    check_members_params(params, count)
    return jax.vmap(lambda key, p: init_state(cell, transform, key, p))(jnp.stack(keys), params)


def _checked(method: Method) -> Method:
    check_kind("method", method, Method, "a method such as lj.Scan()")
    return method


def _validate(cell, objective, params, data: Examples | None, count: int | None) -> tuple[Any, dict[str, Any]]:
    """(loss, scores), of members (members,) each."""
    if data is None:
        return None, {}
    found = evaluate(cell, objective, params, data, members=count is not None)
    if count is None:
        return float(found.loss), objective.scores(found.answers, data.targets)
    scores = [objective.scores(answers, data.targets) for answers in found.answers]
    return np.asarray(found.loss), {name: np.array([each[name] for each in scores]) for name in scores[0]}


def _check_finite(infos: list[StepInfo], epoch: int, optimizer: Optimizer) -> np.ndarray:
    """The losses (steps,) or (steps, members), or the error where the last of them is finite for no member."""
    losses = np.array(jax.device_get([info.loss for info in infos]))
    finite = np.isfinite(losses)
    if not finite[-1].any() or (losses.ndim == 1 and not finite.all()):
        step = int(np.argmin(finite.reshape(len(losses), -1).any(1)))
        raise FloatingPointError(
            f"the loss is {losses[step]} at epoch {epoch}, step {step + 1}; try a smaller learning rate than "
            f"{optimizer.learning_rate}, a smaller clip, or more unfolds"
        )
    return losses


def _any_finite(params: Params, axes: int) -> bool:
    """Whether the parameters of some member are finite; members have an axis."""
    leaves = map(np.asarray, jax.tree.leaves(params))
    return bool(np.all([np.isfinite(leaf).all(tuple(range(axes, leaf.ndim))) for leaf in leaves], axis=0).any())


def _plain(value: Any) -> Any:
    return value.item() if np.ndim(value) == 0 and hasattr(value, "item") else value
