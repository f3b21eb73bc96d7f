"""How far a training is: all that the rest of it depends on, as arrays that can be put on a disk and taken back."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax._types import Params
from liquidjax.training.guard import FINE, Guard
from liquidjax.training.parameters import by_name
from liquidjax.training.state import TrainState


class Epoch(NamedTuple):
    """What is known after an epoch. Of members every number is an array (members,).

    loss: the mean over the steps of the epoch that were taken; validation_loss and validation: loss and scores of the
    objective on the data that are not trained on, None and {} without such data; seconds: since the start; skipped:
    steps that were taken back because numbers were not finite.
    """

    epoch: int
    loss: Any
    validation_loss: Any
    validation: dict[str, Any]
    seconds: float
    skipped: Any = 0


class Best:
    """The best parameters so far, of each member apart, and whether it is time to stop."""

    def __init__(self, patience: int | None, count: int | None):
        self.patience, self.params = patience, None
        self.loss = np.full(() if count is None else count, np.inf)
        self.epoch = np.zeros(() if count is None else count, int)

    def update(self, epoch: int, loss: Any, params: Params) -> bool:
        """Takes notice of an epoch; True when patience is at its end."""
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


class Progress:
    """Where a training is; it begins before the first batch of epoch 1.

    Args:
        state: before that batch.
        most_skipped, patience, count: see `Guard` and `Best`.
    """

    def __init__(self, state: TrainState, most_skipped: int, patience: int | None, count: int | None):
        self.state = state
        self.best, self.guard = Best(patience, count), Guard(most_skipped, count)
        self.epoch, self.batch = 1, 0
        """Of the next batch: its epoch, and the batches of that before it."""
        self.losses: list[np.ndarray] = []
        self.bad: list[np.ndarray] = []
        """Of the steps of this epoch that have been looked at."""
        self.history: list[Epoch] = []
        self.seconds = 0.0
        self.done = False

    @property
    def steps(self) -> int:
        """Batches so far."""
        return int(np.max(np.asarray(self.state.step)))

    def look(self, batch: int, loss: np.ndarray, bad: np.ndarray) -> None:
        """Takes notice of a step of this epoch."""
        self.losses.append(loss)
        self.bad.append(bad)
        self.guard.look(self.epoch, batch, loss, bad)

    def end_epoch(self, validation_loss: Any, validation: dict[str, Any]) -> Epoch:
        """The record of this epoch; the next begins."""
        losses, good = np.array(self.losses, float), np.array(self.bad) == FINE
        with np.errstate(invalid="ignore"):
            loss = np.where(good, losses, 0).sum(0) / good.sum(0)  # NaN where there was no good step
        record = Epoch(self.epoch, plain(loss), validation_loss, validation, self.seconds, plain((~good).sum(0)))
        self.history.append(record)
        self.epoch, self.batch, self.losses, self.bad = self.epoch + 1, 0, [], []
        return record

    def arrays(self, state: TrainState) -> dict[str, np.ndarray]:
        """Everything that is a number, by name, with this state in the place of its own, of which it is a copy."""
        found = {f"state.{name}": leaf for name, leaf in by_name(_without_keys(state)).items()}
        if self.best.params is not None:
            found |= {f"best.params.{name}": leaf for name, leaf in by_name(self.best.params).items()}
        found |= {"best.loss": self.best.loss, "best.epoch": self.best.epoch}
        found |= {f"guard.{name}": value for name, value in self.guard.counts.items()}
        shape = (-1, *self.best.loss.shape)
        found |= {"epoch.losses": np.reshape(self.losses, shape), "epoch.bad": np.reshape(self.bad, shape)}
        for name in ("loss", "skipped", "seconds", *(["validation_loss"] if self._validated else [])):
            found[f"history.{name}"] = np.array([getattr(epoch, name) for epoch in self.history])
        for name in self.history[0].validation if self.history else ():
            found[f"history.validation.{name}"] = np.array([epoch.validation[name] for epoch in self.history])
        return {name: np.asarray(value) for name, value in found.items()}

    def facts(self) -> dict[str, Any]:
        """The rest of it."""
        return {
            "epoch": self.epoch,
            "batch": self.batch,
            "epochs": len(self.history),
            "scores": list(self.history[0].validation) if self.history else [],
            "validated": self._validated,
            "best": self.best.params is not None,
            "seconds": self.seconds,
            "done": self.done,
        }

    def restore(self, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
        """Goes to where another was when it gave these arrays and facts.

        Raises:
            ValueError: they are those of a training of other parameters.
        """
        self.state = _with_keys(_tree("state", _without_keys(self.state), arrays), self.state)
        if facts["best"]:
            self.best.params = _tree("best.params", self.state.params, arrays)
        self.best.loss, self.best.epoch = arrays["best.loss"], arrays["best.epoch"]
        self.guard.counts = {name: arrays[f"guard.{name}"] for name in self.guard.counts}
        self.losses, self.bad = list(arrays["epoch.losses"]), list(arrays["epoch.bad"])
        self.epoch, self.batch, self.done = facts["epoch"], facts["batch"], facts["done"]
        self.seconds = facts["seconds"]
        self.history = [
            Epoch(
                i + 1,
                plain(arrays["history.loss"][i]),
                plain(arrays["history.validation_loss"][i]) if facts["validated"] else None,
                {name: plain(arrays[f"history.validation.{name}"][i]) for name in facts["scores"]},
                arrays["history.seconds"][i].item(),
                plain(arrays["history.skipped"][i]),
            )
            for i in range(facts["epochs"])
        ]

    @property
    def _validated(self) -> bool:
        return bool(self.history) and self.history[0].validation_loss is not None


def plain(value: Any) -> Any:
    """A number of Python for an array of one; others as they are."""
    return value.item() if np.ndim(value) == 0 and hasattr(value, "item") else value


def _is_key(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _without_keys(tree: Any) -> Any:
    """With the numbers of random keys in their place."""
    return jax.tree.map(lambda leaf: jax.random.key_data(leaf) if _is_key(leaf) else leaf, tree)


def _with_keys(tree: Any, like: Any) -> Any:
    return jax.tree.map(
        lambda leaf, old: jax.random.wrap_key_data(leaf, impl=jax.random.key_impl(old)) if _is_key(old) else leaf,
        tree,
        like,
    )


def _tree(prefix: str, like: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """The arrays under a prefix as a tree of the structure, shapes and dtypes of `like`."""
    expected = {f"{prefix}.{name}": leaf for name, leaf in by_name(like).items()}
    found = {name for name in arrays if name.startswith(f"{prefix}.")}
    if other := sorted(found ^ expected.keys()):
        raise ValueError(
            f"the checkpoint is of another training: {other[0]} is {'unknown' if other[0] in found else 'missing'}"
        )
    for name, leaf in expected.items():
        if arrays[name].shape != leaf.shape or arrays[name].dtype != leaf.dtype:
            raise ValueError(
                f"the checkpoint is of another training: {name} must be {leaf.dtype} {leaf.shape}, got "
                f"{arrays[name].dtype} {arrays[name].shape}"
            )
    return jax.tree.unflatten(jax.tree.structure(like), [jnp.array(arrays[name]) for name in expected])
