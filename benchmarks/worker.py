"""The process of one contender: builds it, then runs it whenever it is told to. Started by `rounds.py`.

It answers each line on its standard input with one line of JSON:

    (at the start)  what was found while building: seconds of the first call, temporary bytes, the first value
    run             seconds for the work of the setting, once
    end             peak memory, and the process ends
"""

import importlib
import json
import os
import sys
import time
from typing import Any

import numpy as np
from contenders import BUILDERS, Contender
from setting import Setting

from liquidjax.experiments.shared.byte_counts import device_peak_bytes, peak_bytes

ROUND_SECONDS = 0.05
"""A round repeats what is shorter until it has lasted that long, because clocks and schedulers are coarse."""


def main() -> None:
    name, setting, weights = sys.argv[1], Setting(**json.loads(sys.argv[2])), sys.argv[3]
    # Whatever libraries print goes to stderr; the pipe is for answers only.
    pipe = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    module, function = BUILDERS[name].split(":")
    builder = getattr(importlib.import_module(module), function)
    imported = peak_bytes()
    with np.load(weights) as file:
        arrays = dict(file)
    try:
        contender = builder(setting, arrays)
    except NotImplementedError as refusal:
        print(json.dumps({"refused": str(refusal)}), file=pipe)
        return
    result, first = timed(contender)
    # Before the next run, which may reuse the memory of this result.
    value = result if isinstance(result, float) else float((result**2).mean())
    repeats = repeats_of(contender)
    print(json.dumps(facts(contender, value, first)), file=pipe)
    for line in sys.stdin:
        if line.strip() == "end":
            print(json.dumps({"memory": memory(imported)}), file=pipe)
            return
        if repeats > 1:
            contender.run()  # what the others have pushed out of the caches comes back
        print(json.dumps(lasted(contender, repeats) / repeats), file=pipe)


def facts(contender: Contender, value: float, first: float) -> dict[str, Any]:
    """What is known before any round: `value` is the loss, or the mean of the squared outputs."""
    return {
        "value": value,
        "compile seconds": contender.compile_seconds,
        "first call seconds": contender.compile_seconds + first,
        "temporary bytes": contender.temporary_bytes,
        "device": device_name(),
        "notes": contender.notes,
    }


def timed(contender: Contender) -> tuple[Any, float]:
    """What a run returns, and its seconds."""
    start = time.perf_counter()
    value = contender.run()
    return value, time.perf_counter() - start


def repeats_of(contender: Contender) -> int:
    """How many runs make a round. The second run is the first that compiles nothing; the first thousand are slow."""
    repeats = 1
    while (seconds := lasted(contender, repeats)) < ROUND_SECONDS / 2:
        repeats *= 2
    return max(1, round(repeats * ROUND_SECONDS / seconds))


def lasted(contender: Contender, repeats: int) -> float:
    """Seconds of so many runs."""
    start = time.perf_counter()
    for _ in range(repeats):
        contender.run()
    return time.perf_counter() - start


def memory(imported: int | None) -> dict[str, int | None]:
    """Most resident bytes above those after the imports, and most bytes in use on an accelerator; None if unknown."""
    peak = peak_bytes()
    return {
        "process": None if peak is None or imported is None else peak - imported,
        "device": device_peak(),
    }


def device_peak() -> int | None:
    """Most bytes in use on the accelerator, by the framework that computes here."""
    if "torch" in sys.modules:
        cuda = sys.modules["torch"].cuda
        return cuda.max_memory_allocated() if cuda.is_available() else None
    return device_peak_bytes(sys.modules["jax"].devices()[0])


def device_name() -> str:
    """What the framework that computes here computes on."""
    if "torch" in sys.modules:
        cuda = sys.modules["torch"].cuda
        return cuda.get_device_name() if cuda.is_available() else "cpu"
    return sys.modules["jax"].devices()[0].device_kind


if __name__ == "__main__":
    main()
