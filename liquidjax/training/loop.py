"""Supervised training of a cell: the label of a sequence from the output of its last time step."""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from liquidjax._types import Array, Cell, Params
from liquidjax.cells.projection import project
from liquidjax.sequences.unroll import unroll
from liquidjax.sequences.validation import check_values
from liquidjax.training.descent import descend


@dataclass(frozen=True)
class AdamW:
    """Adam with weight decay, after clipping the gradient to a global norm; the rate falls to zero along a cosine.

    A dataclass and not optax's pair of functions: equal settings compare equal and share one compiled step.

    Reference:
        Kingma and Ba, "Adam", ICLR 2015; Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019.
    """

    learning_rate: float
    steps: int
    weight_decay: float
    clip: float

    def __post_init__(self):
        for name in ("learning_rate", "clip"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be above 0 and finite, got {getattr(self, name)}")
        if not 0 <= self.weight_decay < float("inf"):
            raise ValueError(f"weight_decay must be at least 0 and finite, got {self.weight_decay}")

    def transform(self) -> optax.GradientTransformation:
        """The optax transformation these settings stand for."""
        schedule = optax.cosine_decay_schedule(self.learning_rate, self.steps)
        return optax.chain(optax.clip_by_global_norm(self.clip), optax.adamw(schedule, weight_decay=self.weight_decay))


class Metrics(NamedTuple):
    """loss: mean cross entropy in nats; accuracy: share of right answers. Both scalars."""

    loss: Array
    accuracy: Array


class Epoch(NamedTuple):
    """What is known after an epoch; training figures are means over its steps, seconds count from the start."""

    epoch: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    seconds: float


class Trained(NamedTuple):
    """The parameters after the last epoch (the last batch, if it was stopped), and an `Epoch` for each whole one."""

    params: Params
    history: list[Epoch]


@functools.partial(jax.jit, static_argnames="cell")
def logits(cell: Cell, params: Params, inputs: Any, dt: float) -> Array:
    """The outputs of the last time step (samples, classes) for inputs (time, samples, features)."""
    return unroll(cell, params, inputs, dt, validate=False)[1][-1]


def measure(cell: Cell, params: Params, inputs: Any, labels: Any, dt: float) -> Metrics:
    """Loss and accuracy on inputs (time, samples, features) with labels int (samples,)."""
    return _metrics(logits(cell, params, inputs, dt), labels)


@functools.partial(jax.jit, static_argnames=("cell", "optimizer"), donate_argnames=("params", "opt_state"))
def train_step(
    cell: Cell, optimizer: AdamW, params: Params, opt_state: Any, inputs: Any, labels: Any, dt: Any, smoothing: Any
) -> tuple[Params, Any, Metrics]:
    """One step of the optimizer on one batch: (params, opt_state, metrics before the step).

    What it makes smaller is the cross entropy with a share `smoothing` of the label spread over all classes; the
    metrics are those of the plain label. Parameters with explicit constraints are put back into their ranges. `params`
    and `opt_state` are donated: do not touch them afterwards.
    """

    def loss(params):
        output = logits(cell, params, inputs, dt)
        target = optax.smooth_labels(jax.nn.one_hot(labels, cell.outputs), smoothing)
        return optax.softmax_cross_entropy(output, target).mean(), _metrics(output, labels)

    (_, metrics), gradient = jax.value_and_grad(loss, has_aux=True)(params)
    params, opt_state = descend(optimizer.transform(), gradient, opt_state, params)
    return project(params, cell), opt_state, metrics


@jax.jit
def _metrics(output: Array, labels: Array) -> Metrics:
    loss = optax.softmax_cross_entropy_with_integer_labels(output, labels).mean()
    return Metrics(loss, (output.argmax(-1) == labels).mean())


def train(
    cell: Cell,
    params: Params,
    train: tuple[Any, Any],
    validation: tuple[Any, Any],
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float = 0.0,
    clip: float = 1.0,
    smoothing: float = 0.0,
    dt: float = 1.0,
    seed: int = 0,
    callback: Callable[[Epoch], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Trained:
    """Trains a cell to name the class of a sequence: softmax cross entropy of its outputs at the last time step.

    Every epoch goes through the training samples in a new order. The samples of the last incomplete batch sit that
    epoch out, so that one shape of batch is compiled.

    Args:
        cell: a cell with one output for each class.
        params: its parameters to start from; they are left as they are.
        train: inputs (time, samples, features) and labels int (samples,).
        validation: the same, measured after each epoch and never trained on.
        epochs: times through the training samples.
        batch_size: samples in one step.
        learning_rate: of the first step; it falls to zero along a cosine.
        weight_decay: times the learning rate, the share by which every parameter shrinks in a step.
        clip: the largest norm of a gradient; longer ones are shortened to it.
        smoothing: share of each label that is spread over all classes, against overconfidence.
        dt: time from one step of the sequence to the next, in the unit of the time constants.
        seed: of the order of the samples.
        callback: called after each epoch with what is known then.
        stop: asked after each batch; when it says True, the training ends there.

    Returns:
        The parameters after the last epoch, and the history; it is shorter than `epochs` where `stop` ended it.

    Raises:
        ValueError: data, labels or settings that do not fit.
        FloatingPointError: the loss is no longer finite.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.GRU(inputs=1, units=2)
        >>> samples = np.ones((5, 8, 1), np.float32), np.ones(8, np.int32)
        >>> trained = train(cell, cell.init(jax.random.key(0)), samples, samples, epochs=9, batch_size=4,
        ...                 learning_rate=0.1)
        >>> len(trained.history), trained.history[-1].accuracy
        (9, 1.0)
    """
    inputs, labels = _checked(cell, "train", train, dt)
    validation = _checked(cell, "validation", validation, dt)
    steps = len(labels) // batch_size if batch_size >= 1 else 0
    if steps < 1 or epochs < 1:
        raise ValueError(
            f"epochs must be at least 1 and batch_size in [1, training samples = {len(labels)}], "
            f"got {epochs} and {batch_size}"
        )
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing must be in [0, 1), got {smoothing}")
    optimizer = AdamW(learning_rate, epochs * steps, weight_decay, clip)
    opt_state = optimizer.transform().init(params)
    params = jax.tree.map(jnp.copy, params)  # the step gives its buffers away
    rng = np.random.default_rng(seed)
    start = time.perf_counter()
    history = []
    for epoch in range(1, epochs + 1):
        metrics = []
        for rows in rng.permutation(len(labels))[: steps * batch_size].reshape(steps, batch_size):
            params, opt_state, of_batch = train_step(
                cell, optimizer, params, opt_state, inputs[:, rows], labels[rows], dt, smoothing
            )
            metrics.append(of_batch)
            if stop():
                _check_finite(np.array([*(float(each.loss) for each in metrics), 0.0]), epoch, learning_rate)
                return Trained(params, history)
        # Only now wait for the numbers: a look at each loss at once would hold up the next step.
        losses, accuracies = np.array(jax.device_get(metrics)).T
        held_out = measure(cell, params, *validation, dt)
        _check_finite(np.append(losses, held_out.loss), epoch, learning_rate)
        record = Epoch(
            epoch,
            float(losses.mean()),
            float(accuracies.mean()),
            float(held_out.loss),
            float(held_out.accuracy),
            time.perf_counter() - start,
        )
        history.append(record)
        if callback is not None:
            callback(record)
    return Trained(params, history)


def _checked(cell: Cell, name: str, samples: tuple[Any, Any], dt: float) -> tuple[np.ndarray, np.ndarray]:
    inputs, labels = map(np.asarray, samples)
    if inputs.ndim != 3 or inputs.shape[2] != cell.inputs or labels.shape != inputs.shape[1:2]:
        raise ValueError(
            f"{name} must be inputs (time, samples, features = {cell.inputs}) and labels (samples,), "
            f"got shapes {inputs.shape} and {labels.shape}"
        )
    if labels.dtype.kind not in "iu" or not ((labels >= 0) & (labels < cell.outputs)).all():
        raise ValueError(
            f"labels of {name} must be integers in [0, outputs of the cell = {cell.outputs}), got "
            f"{labels.dtype} from {labels.min()} to {labels.max()}"
        )
    check_values(inputs, dt)
    return inputs, labels


def _check_finite(losses: np.ndarray, epoch: int, learning_rate: float) -> None:
    if not np.isfinite(losses).all():
        step = int(np.argmin(np.isfinite(losses)))
        place = f"step {step + 1}" if step < len(losses) - 1 else "the validation after the last step"
        raise FloatingPointError(
            f"the loss is {losses[step]} at epoch {epoch}, {place}; try a smaller learning rate "
            f"than {learning_rate}, a smaller clip, or more unfolds"
        )
