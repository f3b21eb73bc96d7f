"""Files of ONNX run by onnxruntime, and their answers beside those of the model."""
# An extra of its own, which is not there where types are checked.
# pyright: reportMissingImports=false

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from liquidjax.export.comparison import STEPS, DisagreementError, Readings, agreed, difference
from liquidjax.export.deployed import Deployed
from liquidjax.training.precision import computing

_SIZES = ((STEPS, 3), (7, 1))  # steps and series

Run = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]
"""A file that was loaded: arrays by name to arrays by name."""


def loaded(deployed: Deployed, content: bytes) -> Run:
    """A file as onnxruntime runs it on this processor."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what is wrong comes as an exception, not on the terminal
    try:
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise refusal(deployed, f"onnxruntime cannot load it, {in_a_line(error)}") from error
    names = [value.name for value in session.get_outputs()]
    return lambda given: dict(zip(names, session.run(None, given), strict=True))


def compared(deployed: Deployed, runs: Sequence[Run]) -> float:
    """The largest difference of a step, and of a sequence if there is one, from the model, see `agreed`.

    Raises:
        ValueError: it is too large, or the model answers with no numbers that anything could be compared with.
    """
    try:
        return agreed(deployed, lambda given, wanted: _distance(deployed, runs, given, wanted))
    except DisagreementError as error:
        raise refusal(deployed, str(error)) from error


def initial_state(deployed: Deployed, batch: tuple[int, ...]) -> dict[str, np.ndarray]:
    """The state before the first step of a series, by the names that it has in a file."""
    with computing(deployed.dtype):
        state = deployed.initial_state(batch)
        return {f"state.{name}": np.asarray(state[name]) for name in deployed.state_names}


def refusal(deployed: Deployed, reason: str) -> ValueError:
    """The error of a model that cannot be exported."""
    return ValueError(f"{type(deployed.cell).__name__} cannot be exported to ONNX: {reason}; no file was written")


def _distance(deployed: Deployed, runs: Sequence[Run], given: Readings, wanted: np.ndarray) -> float:
    """The largest difference, NaN if one is."""
    step, *sequences = runs
    found = []
    for steps, series in _SIZES:
        features, dt = given.features[:steps, :series], given.dt[:steps, :series]
        answers = [np.stack(_in_parts(deployed, step, series, zip(features, dt, strict=True)))]
        for sequence in sequences:  # in two parts, so that the state between them is compared too
            parts = zip(np.split(features, [steps // 3]), np.split(dt, [steps // 3]), strict=True)
            answers.append(np.concatenate(_in_parts(deployed, sequence, series, parts)))
        found += [difference(deployed, each, wanted[:steps, :series]) for each in answers]
    return float(np.max(found))


def _in_parts(deployed: Deployed, run: Run, series: int, parts: Iterable[tuple[Any, Any]]) -> list[np.ndarray]:
    """The answers to parts of some series, one after another."""
    answers, state = [], initial_state(deployed, (series,))
    for features, dt in parts:
        try:
            found = run({"features": features, "dt": dt, **state})
        except Exception as error:  # onnxruntime has a class of its own for each of its states
            raise refusal(deployed, f"onnxruntime cannot run it, {in_a_line(error)}") from error
        answers.append(found["answers"])
        state = {name: found[f"next_{name}"] for name in state}
    return answers


def in_a_line(error: Any) -> str:
    """An error, or a text, as a part of a sentence."""
    text = " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {text}" if isinstance(error, BaseException) else text
