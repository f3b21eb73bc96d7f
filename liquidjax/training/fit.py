"""Training: batches, epochs, early stopping, and members of an ensemble side by side."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from liquidjax._checks import check_flag, check_kind, check_size
from liquidjax._types import Cell, Params
from liquidjax.sequences.gradients.gradient import Gradient
from liquidjax.sequences.methods.method import Method
from liquidjax.sequences.methods.scan import Scan
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.preparation import Preparation
from liquidjax.training import shared
from liquidjax.training.batches import Batches
from liquidjax.training.checkpoints.keeper import Checkpoints
from liquidjax.training.coarse import Coarse
from liquidjax.training.epochs import Epochs, Info
from liquidjax.training.evaluation import evaluate
from liquidjax.training.examples import Examples, examples
from liquidjax.training.fit_arguments import (
    check_kinds,
    check_known,
    check_outputs,
    members_of,
    own_rows,
    seed_of,
)
from liquidjax.training.identity import identity
from liquidjax.training.model import Model
from liquidjax.training.objective import Loss, Objective, OfFunction
from liquidjax.training.optimizer import Optimizer
from liquidjax.training.programs import forget_programs
from liquidjax.training.progress import Epoch, Progress, plain
from liquidjax.training.shares import shares_of
from liquidjax.training.start import calibrated_params, first_state
from liquidjax.training.state import TrainState, as_objective, check_gradient, usual_gradient
from liquidjax.training.steps import members_step, one_step, shared_step


@dataclass(frozen=True, eq=False)
class Fitted:
    """What came of a training; with members every array has a leading axis (members,).

    Args:
        cell, objective, preparation: what was trained, for what, on inputs prepared how.
        params: the best by validation loss, or the last where there was none.
        last: the state after the last batch.
        best_epoch: the epoch of `params`, from 1; 0 where no epoch was finished.
        history: an `Epoch` for each whole one.
        seconds: that it took, with compilation; of all its parts, where it went on from checkpoints.
        features, classes, outputs: their names in the data.
    """

    cell: Cell
    objective: Objective
    preparation: Preparation
    params: Params
    last: TrainState
    best_epoch: Any
    history: list[Epoch]
    seconds: float
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
    calibrate: bool = False,
    coarse: Coarse | None = None,
    gradient: Gradient | Literal["auto"] = "auto",
    method: Method = Scan(),
    most_skipped: int = 5,
    debug_nans: bool = False,
    checkpoints: Checkpoints | None = None,
    mesh: Mesh | None = None,
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
        calibrate: whether the parameters that are drawn are moved to where the training data are, by
            `training.calibration.calibrate` with some of the series.
        coarse: with how few unfolds the training begins, and for how long, see `Coarse`; None for all of them always.
        gradient: see `unroll`; "auto" keeps everything (`BPTT`) for closed-form and gated cells, and states for others.
        method: see `unroll`.
        most_skipped: steps in a row that are taken back and counted because loss, gradient or a new parameter is not
            finite; one more ends the training.
        debug_nans: no step is taken back; the first bad one is computed again, operation by operation, to name the one
            that was the first not to be finite and the line that asks for it.
        checkpoints: where the training is saved. Called again with the same arguments, it goes on from the last whole
            checkpoint, to the bit as if it had not been interrupted, on the same machine and versions.
        mesh: with an axis "batch", whose devices share every batch: the loss is still the mean over all of it, so the
            training is the same but for rounding, and for dropout, of which each device draws its own. The devices may
            be those of several processes, see `joined`; each calls this with the same arguments then, all stop after
            the same step, and process 0 alone reads and writes checkpoints. A checkpoint is of no number of devices.
            An objective is asked for the losses of a device's own series. What several processes are given is compared,
            so none of it may be a lambda.
        callback: called after each epoch with what is known then; of a training that goes on, first with what was.
        stop: asked after each batch; when it says True, the training is saved and ends there.

    Returns:
        The best parameters, the last state and the history.

    Raises:
        OSError: the folder of the checkpoints cannot be written.
        ValueError: data, objective or settings that do not fit; or the checkpoints are damaged, of another training, or
            being written by another.
        FloatingPointError: too many steps in a row were not finite; of members, only when that is so of all.

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
    check_size("most_skipped", most_skipped, 0)
    if coarse is not None:
        check_kind("coarse", coarse, Coarse, "a Coarse such as Coarse(unfolds=2)")
    if checkpoints is not None:
        check_kind("checkpoints", checkpoints, Checkpoints, 'Checkpoints such as Checkpoints("runs/mine")')
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
    shares = None if mesh is None else shares_of(mesh, batch_size)
    varied, seeds, count = members_of(members, optimizer)
    own = None if rows is None else own_rows(rows, count, len(data.mask))
    calibrate = check_flag("calibrate", calibrate)
    if calibrate and params is not None:
        raise ValueError("calibrate must be left out with params, which are where the training starts")
    forget_programs()
    lengths = data.lengths if own is None else data.lengths[own].max(0)
    size = min(batch_size, len(lengths))
    batches = Batches(lengths, size if shares is None else shares.filled(size), seed)
    how = (cell, objective, optimizer, epochs * len(batches), check_gradient(gradient) or usual_gradient(cell), method)
    transform = optimizer.transform(how[3], **varied)
    keys = [seed] * (count or 1) if seeds is None else seeds
    start = calibrated_params(cell, keys, count, data, own) if calibrate else params
    if shares is not None:
        start = jax.tree.map(np.asarray, start)  # bound to no device
    state = first_state(cell, transform, keys, count, start)
    compiled = one_step if count is None else members_step
    coarse_epochs = 0 if coarse is None else coarse.epochs(epochs)
    coarse_how = how if coarse is None else (coarse.cell(cell), *how[1:])

    def now() -> tuple[Any, ...]:
        return coarse_how if progress.epoch <= coarse_epochs else how

    def series_of(chosen: np.ndarray) -> np.ndarray:
        return chosen if own is None else np.where(chosen < 0, -1, own[:, np.maximum(chosen, 0)])

    def validated(params: Params) -> tuple[Any, dict[str, Any]]:
        loss, scores = _validate(cell, objective, params, held_out, count, shares)
        if held_out is not None and not np.isfinite(loss).all():
            check_known("validation", cell, objective, held_out)
        return loss, scores

    def after_first(losses: np.ndarray) -> None:
        if not losses.any(0).all():
            check_known("training", cell, objective, data, own)

    def alone(state: TrainState, rows: np.ndarray, steps: int, _: int) -> tuple[TrainState, Info]:
        return compiled(*now(), varied, state, data.batch(series_of(rows), steps))

    def advance(state: TrainState, rows: np.ndarray, steps: int, wish: int) -> tuple[TrainState, Info]:
        assert shares is not None  # else it is alone
        what = f"step {progress.batch + 1} of epoch {progress.epoch}"
        batch = shares.batch(data, series_of(rows), steps, what)
        specs = shared.specs(data, own is not None)
        return shared_step(now(), count, shares.mesh, specs, varied, state, batch, shares.wish(wish))

    settings = {
        "cell": cell,
        "objective": objective,
        "optimizer": optimizer,
        "epochs": epochs,
        "batch_size": batch_size,
        "patience": patience,
        "most_skipped": most_skipped,
        "seed": seed,
        "members": None if members is None else {name: np.asarray(each).tolist() for name, each in members.items()},
        "gradient": how[4],
        "method": method,
    } | ({"calibrate": True} if calibrate else {})
    settings |= {} if coarse is None else {"coarse": coarse}
    read = {"training": data, "validation": held_out, "rows": own, "params": params}
    others, debug_nans = shares is not None and shares.others, check_flag("debug_nans", debug_nans)
    what = identity(settings, read) if others or checkpoints is not None else {}
    progress = Progress(state, 0 if debug_nans else most_skipped, patience, count)
    written = checkpoints if shares is None or shares.writes else None
    with (
        contextlib.nullcontext() if shares is None else shares.together(what | {"debug_nans": debug_nans}),
        contextlib.nullcontext() if written is None else written.opened(jax.process_count() > 1) as keeper,
    ):
        epochs_of = Epochs(
            batches,
            epochs,
            alone if shares is None else advance,
            alone,
            validated,
            after_first,
            lambda rows: series_of(rows) if own is None else series_of(rows)[0],
            varied.get("learning_rate", optimizer.learning_rate),
            callback or (lambda epoch: None),
            stop,
            keeper,
            what,
            debug_nans,
            shares,
        )
        epochs_of.run(progress)
    if shares is not None:
        progress.state = shares.here(progress.state)
    return _fitted(cell, objective, preparation, progress, training)


def _fitted(cell, objective, preparation, progress: Progress, data) -> Fitted:
    best, state, history = progress.best, progress.state, progress.history
    validated = bool(history) and history[-1].validation_loss is not None
    if validated and not best.epoch.any():
        raise FloatingPointError(
            f"the validation loss was never finite in {len(history)} epochs; try a smaller learning rate, a smaller "
            "clip, or more unfolds"
        )
    params = best.params if validated else jax.tree.map(jnp.copy, state.params)  # the last ones may be given away
    epoch = plain(best.epoch) if validated else len(history)
    names = data.features, data.classes, data.outputs
    return Fitted(cell, objective, preparation, params, state, epoch, history, progress.seconds, *names)


def _checked(method: Method) -> Method:
    check_kind("method", method, Method, "a method such as lj.Scan()")
    return method


def _validate(cell, objective, params, data: Examples | None, count, shares) -> tuple[Any, dict[str, Any]]:
    """(loss, scores), of members (members,) each."""
    if data is None:
        return None, {}
    found = evaluate(cell, objective, params, data, members=count is not None, shares=shares)
    if count is None:
        return float(found.loss), objective.scores(found.answers, data.targets)
    scores = [objective.scores(answers, data.targets) for answers in found.answers]
    return np.asarray(found.loss), {name: np.array([each[name] for each in scores]) for name in scores[0]}
