"""Optimizers of optax by name, with a schedule by name, as settings that can be compared, written down and varied."""

from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
import optax

from liquidjax._checks import check_choice, check_number, check_size, put, settle

Name = Literal["adam", "adamw", "sgd", "rmsprop", "lion", "adabelief", "nadam"]
Schedule = Literal["constant", "cosine", "linear", "exponential", "cooldown"]
_NAMES = ("adam", "adamw", "sgd", "rmsprop", "lion", "adabelief", "nadam")
_SCHEDULES = ("constant", "cosine", "linear", "exponential", "cooldown")
_DECAYS = ("adamw", "lion")
COOLDOWN = 0.2
"""The share of the steps in which a "cooldown" comes down."""
VARIED = ("learning_rate", "weight_decay", "clip")
"""What may differ between members that are trained side by side, because no shape depends on it."""


@dataclass(frozen=True)
class Optimizer:
    """An optimizer of optax, after clipping the gradient to a global norm, with a schedule of its learning rate.

    A dataclass and not optax's pair of functions: equal settings compare equal and share one compiled step.

    Args:
        name: "adam", "adamw", "sgd" (momentum 0.9), "rmsprop", "lion", "adabelief" or "nadam".
        learning_rate: the highest of the schedule.
        schedule: "constant"; or from `learning_rate` to 0 along a "cosine" or a "linear" line, or to a hundredth of it
            by an "exponential"; or "cooldown", constant but for the last fifth, which is linear to 0.
        warmup: steps in which the rate rises from 0 before the schedule begins.
        weight_decay: times the learning rate, the share by which a parameter shrinks in a step (adamw and lion).
        clip: the largest norm of a gradient, longer ones are shortened to it; None for no limit.
        accumulate: batches whose mean gradient makes one step.

    Raises:
        ValueError: an unknown name, or a number out of range.

    Example:
        >>> Optimizer("adamw", 0.02, "cosine", clip=1.0).transform(steps=100).init({}) is not None
        True

    Reference:
        Loshchilov and Hutter, "Decoupled weight decay regularization" and "SGDR", ICLR 2019 and 2017; Hägele et al.,
        "Scaling laws and compute-optimal training beyond fixed training durations", NeurIPS 2024, for the cooldown; the
        others as optax documents them.
    """

    name: Name = "adam"
    learning_rate: float = 0.01
    schedule: Schedule = "constant"
    warmup: int = 0
    weight_decay: float = 0.0
    clip: float | None = 1.0
    accumulate: int = 1

    def __post_init__(self):
        check_choice("name", self.name, _NAMES)
        check_choice("schedule", self.schedule, _SCHEDULES)
        put(self, learning_rate=check_number("learning_rate", self.learning_rate, 0, float("inf")))
        put(self, weight_decay=check_number("weight_decay", self.weight_decay, 0, float("inf")))
        if self.weight_decay and self.name not in _DECAYS:
            raise ValueError(f"weight_decay must be 0 with {self.name}, only {' and '.join(_DECAYS)} have one")
        if self.clip is not None:
            put(self, clip=check_number("clip", self.clip, 0, float("inf"), above=True))
        put(self, warmup=check_size("warmup", self.warmup, 0))
        settle(self, check_size, "accumulate")

    def transform(self, steps: int, **varied: Any) -> optax.GradientTransformation:
        """The optax transformation.

        Args:
            steps: batches of the whole training, over which the schedule runs.
            varied: `learning_rate`, `weight_decay` or `clip` in the place of the settings; they may be traced.

        Raises:
            ValueError: another name, or a weight decay where there is none.
        """
        for name in varied:
            check_choice("varied", name, VARIED)
        if "weight_decay" in varied and self.name not in _DECAYS:
            raise ValueError(f"weight_decay must not be varied with {self.name}, only {' and '.join(_DECAYS)} have one")
        rate = varied.get("learning_rate", self.learning_rate)
        clip = varied.get("clip", self.clip)
        updates = max(1, steps // self.accumulate)
        shape = self._shape(max(1, updates - self.warmup))

        if self.warmup:
            shape = optax.join_schedules([optax.linear_schedule(0.0, 1.0, self.warmup), shape], [self.warmup])
        options: dict[str, Any] = {}
        if self.name in _DECAYS:
            options["weight_decay"] = varied.get("weight_decay", self.weight_decay)
        if self.name == "sgd":
            options["momentum"] = 0.9
        chain = [] if clip is None else [optax.clip_by_global_norm(clip)]

        def schedule(count: Any) -> Any:
            return rate * shape(jnp.asarray(count, float))  # of whole numbers optax makes float32, also under float64

        transform = optax.chain(*chain, getattr(optax, self.name)(schedule, **options))
        if self.accumulate == 1:
            return transform
        real = jax.dtypes.canonicalize_dtype(float)  # it is float32 else, also for gradients in float64
        return optax.MultiSteps(transform, self.accumulate, accumulator_dtype=real).gradient_transformation()

    def _shape(self, steps: int) -> optax.Schedule:
        if self.schedule == "cosine":
            return optax.cosine_decay_schedule(1.0, steps)
        if self.schedule == "linear":
            return optax.linear_schedule(1.0, 0.0, steps)
        if self.schedule == "exponential":
            return optax.exponential_decay(1.0, steps, 0.01)
        if self.schedule == "cooldown":
            return lambda count: jnp.clip((1 - count / steps) / COOLDOWN, 0, 1)
        return optax.constant_schedule(1.0)
