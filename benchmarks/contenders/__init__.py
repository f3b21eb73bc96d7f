"""Who takes part: a name, and where the function is that builds it.

Such a function takes a `Setting` and the weights of `weights.draw` and returns a `Contender`.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

BUILDERS = {
    "liquidjax": "contenders.ours:build_tuned",
    "liquidjax, not tuned": "contenders.ours:build",
    "liquidjax Stream": "contenders.ours:build_stream",
    "liquidjax, BPTT": "contenders.ours:build_bptt",
    "liquidjax, 2 devices": "contenders.ours:build_divided",
    "liquidjax scan": "contenders.ours:build",
    "liquidjax, wiring obeyed": "contenders.ours:build_obeying",
    "liquidjax, sensing ahead": "contenders.sensing_ahead:build",
    "liquidjax associative": "contenders.ours:build_associative",
    "liquidjax Newton full": "contenders.ours:build_newton_full",
    "liquidjax Newton diagonal": "contenders.ours:build_newton_diagonal",
    "liquidjax Newton layered": "contenders.ours:build_newton_layered",
    "ncps torch": "contenders.ncps_torch:build",
    "ncps torch.compile": "contenders.ncps_torch:build_compiled",
    "ncps.keras on JAX": "contenders.ncps_keras:build",
    "dense JAX port": "contenders.dense_port:build",
    "dense JAX port, tuned": "contenders.dense_port:build_tuned",
    "flax LSTM": "contenders.flax_lstm:build",
    "torch LSTM": "contenders.torch_lstm:build",
    "tanh floor": "contenders.tanh_floor:build",
}
OTHER_NETWORKS = ("liquidjax, wiring obeyed", "flax LSTM", "torch LSTM", "tanh floor")
"""Contenders for scale: they compute something else, so that their results are not compared."""


class Contender(NamedTuple):
    """What a worker times.

    run: does it once and waits for the result: the loss as a float, or the outputs.
    compile_seconds: what tracing and compiling took before the first run; 0 where that is part of the first run.
    temporary_bytes: bytes the compiled program needs besides arguments and results; None where nobody knows.
    notes: what a reader has to know about it.
    """

    run: Callable[[], Any]
    compile_seconds: float = 0.0
    temporary_bytes: int | None = None
    notes: str = ""
