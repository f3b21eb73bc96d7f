"""How far from float64 is each precision, and what does a training step take in it?

Errors of every cell, with the same parameters and data, relative to what float64 gives: of the outputs over 256
irregular steps (the largest, and the root of the mean square), of the gradient of their mean square (its norm), and,
for cells that read dt, of the state after 1,000 steps of dt = 0.001, where a state that is itself rounded to 8
significant bits stands still. Then the time of a training step (gradient of the mean squared output, and Adam).

    float32                  products in float32 in full
    float32, short products  as JAX has them, where that is another thing: TF32 on NVIDIA, bfloat16 on a TPU
    mixed                    lj.MixedPrecision: products in bfloat16, state, parameters and all else in float32
    all bfloat16             parameters, data, dt and state cast to bfloat16

All run in one process, in rounds; the ratio is to float32 in the same round. On a CPU the sizes are small.
Usage: python benchmarks/precision.py [--rounds 15] [--only errors times] [--units 32] [--time 64] [--batches 32 256]
"""

import argparse
import contextlib
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import results
from comparison import add_rounds, ratios, spread

import liquidjax as lj
from liquidjax.training.state import usual_gradient

INPUTS, IRREGULAR, SMALL = 8, 256, 1000


class Precision(NamedTuple):
    """dtype of parameters, data and dt; whether the cell is in a `MixedPrecision`; how JAX computes products."""

    dtype: Any
    mixed: bool
    products: str | None


PRECISIONS = {
    "float32": Precision(jnp.float32, False, "highest"),
    "float32, short products": Precision(jnp.float32, False, None),
    "float64": Precision(jnp.float64, False, "highest"),
    "mixed": Precision(jnp.float32, True, None),
    "all bfloat16": Precision(jnp.bfloat16, False, None),
}


def cells(units: int) -> dict[str, Any]:
    """Every cell with the same number of neurons, or about as many."""
    graph = lj.AutoNCP(units, 4)
    return {
        "LTC": lj.LTC(INPUTS, graph),
        "HasaniLTC": lj.HasaniLTC(INPUTS, units),
        "CTRNN": lj.CTRNN(INPUTS, units),
        "NeuralODE": lj.NeuralODE(INPUTS, units),
        "GatedLinear": lj.GatedLinear(INPUTS, units),
        "LeakyIntegrator": lj.LeakyIntegrator(INPUTS, units),
        "CfC": lj.CfC(INPUTS, units),
        "CfC pure": lj.CfC(INPUTS, units, mode="pure"),
        "WiredCfC": lj.WiredCfC(INPUTS, graph),
        "NCPLiquidCell": lj.NCPLiquidCell(INPUTS, units, np.ones((INPUTS, units), int)),
        "LSTM": lj.LSTM(INPUTS, units),
        "TLSTM": lj.TLSTM(INPUTS, units),
        "GRU": lj.GRU(INPUTS, units),
        "EulerGRU": lj.EulerGRU(INPUTS, units),
        "GRUD": lj.GRUD(INPUTS, units, indicators=False),
    }


WITHOUT_DT = ("NCPLiquidCell", "LSTM", "GRU")
TIMED = {
    "LTC, AutoNCP(32, 4)": lj.LTC(INPUTS, lj.AutoNCP(32, 4)),
    "CfC, 64 units": lj.CfC(INPUTS, 64),
    "CfC, 256 units": lj.CfC(INPUTS, 256),
    "LSTM, 256 units": lj.LSTM(INPUTS, 256),
    "CT-RNN, 256 units": lj.CTRNN(INPUTS, 256),
}


class Program(NamedTuple):
    """What was compiled, with its arguments, and the context that it runs in."""

    run: Any
    arguments: tuple[Any, ...]
    precision: Precision


@contextlib.contextmanager
def within(precision: Precision):
    """JAX as a precision needs it; in every thread by itself."""
    with jax.enable_x64(precision.dtype == jnp.float64), jax.default_matmul_precision(precision.products):
        yield


def compiled(
    cell: Any, precision: Precision, build: Callable[[Any], Callable], given: tuple[Any, ...]
) -> Program | str:
    """The program of a cell in a precision, or why there is none."""
    try:
        with within(precision):
            cell = lj.MixedPrecision(cell) if precision.mixed else cell
            arguments = jax.tree.map(lambda leaf: jnp.asarray(leaf, precision.dtype), given)
            jax.eval_shape(cell.init, jax.random.key(0))  # which refuses what `MixedPrecision` cannot do
            run, arguments = build(cell), jax.block_until_ready(arguments)
            return Program(jax.jit(run).lower(*arguments).compile(), arguments, precision)
    except ValueError as error:
        return f"refused: {error}".partition(";")[0]


def all_compiled(jobs: dict[Any, tuple]) -> dict[Any, Program | str]:
    """Compiled side by side, which on many cores is most of the time of this script."""
    with ThreadPoolExecutor() as pool:
        running = {name: pool.submit(compiled, *job) for name, job in jobs.items()}
    return {name: future.result() for name, future in running.items()}


def called(program: Program) -> Any:
    """What it gives, as float64 on the host."""
    with within(program.precision):
        return jax.tree.map(lambda leaf: np.asarray(leaf).astype(np.float64), program.run(*program.arguments))


def drawn(cell: Any, steps: int, batch: int, seed: int = 0) -> tuple[Any, np.ndarray, np.ndarray]:
    """Parameters, inputs and dt between 0.05 and 0.5, in float32."""
    rng = np.random.default_rng(seed)
    params = jax.device_get(cell.init(jax.random.key(seed)))
    inputs = rng.standard_normal((steps, batch, INPUTS)).astype(np.float32)
    return params, inputs, rng.uniform(0.05, 0.5, (steps, batch)).astype(np.float32)


def outputs_and_gradient(cell: Any) -> Callable:
    def loss(params, inputs, dt):
        outputs = lj.unroll(cell, params, inputs, dt, gradient=usual_gradient(cell), validate=False)[1]
        return jnp.mean(jnp.square(outputs)), outputs

    def run(params, inputs, dt):
        (_, outputs), gradient = jax.value_and_grad(loss, has_aux=True)(params, inputs, dt)
        return outputs, gradient

    return run


def last_state(cell: Any) -> Callable:
    return lambda params, inputs, dt: lj.unroll(cell, params, inputs, dt, validate=False)[0]


def training_step(cell: Any) -> Callable:
    adam = optax.adam(1e-3)

    def loss(params, inputs, dt):
        outputs = lj.unroll(cell, params, inputs, dt, gradient=usual_gradient(cell), validate=False)[1]
        return jnp.mean(jnp.square(outputs))

    def run(params, inputs, dt):
        gradient = jax.grad(loss)(params, inputs, dt)
        with jax.numpy_dtype_promotion("standard"):
            updates, _ = adam.update(gradient, adam.init(params), params)
        return optax.apply_updates(params, updates)

    return run


def largest(found: Any, exact: Any) -> float:
    pairs = list(zip(jax.tree.leaves(found), jax.tree.leaves(exact), strict=True))
    return float(max(np.abs(a - b).max() for a, b in pairs) / max(np.abs(b).max() for _, b in pairs))


def mean_square(found: Any, exact: Any) -> float:
    pairs = list(zip(jax.tree.leaves(found), jax.tree.leaves(exact), strict=True))
    return math.sqrt(sum(np.sum((a - b) ** 2) for a, b in pairs) / sum(np.sum(b**2) for _, b in pairs))


def errors(units: int, batch: int) -> dict[str, Any]:
    """A line for each cell and precision."""
    jobs = {}
    for name, cell in cells(units).items():
        irregular, small = drawn(cell, IRREGULAR, batch), drawn(cell, SMALL, batch)
        held = small[0], np.broadcast_to(small[1][:1], small[1].shape), np.full((SMALL, 1), 1e-3, np.float32)
        for kind, precision in PRECISIONS.items():
            if kind == "float32, short products" and jax.default_backend() == "cpu":
                continue
            jobs[name, kind, "irregular"] = cell, precision, outputs_and_gradient, irregular
            if name not in WITHOUT_DT:
                jobs[name, kind, "small"] = cell, precision, last_state, held
    programs, found, rows = all_compiled(jobs), {}, []
    for (name, kind, what), program in programs.items():
        found[name, kind, what] = program if isinstance(program, str) else called(program)
    for name, kind in dict.fromkeys((name, kind) for name, kind, _ in jobs):
        if kind == "float64":
            continue
        line: dict[str, Any] = {"cell": name, "precision": kind}
        result, small = found[name, kind, "irregular"], found.get((name, kind, "small"))
        if isinstance(result, str):
            rows.append(line | {"note": "refused, see below"})
            continue
        exact_outputs, exact_gradient = found[name, "float64", "irregular"]
        outputs, gradient = result
        line |= {"outputs, largest": largest(outputs, exact_outputs), "outputs": mean_square(outputs, exact_outputs)}
        line |= {"gradient": mean_square(gradient, exact_gradient)}
        line |= {"state, dt = 0.001": None if small is None else mean_square(small, found[name, "float64", "small"])}
        rows.append(line)
    setting = f"{units} units, {INPUTS} inputs, batch {batch}, {IRREGULAR} steps of dt 0.05 to 0.5, {SMALL} of 0.001"
    return {"setting": setting, "what": "error relative to float64", "rows": rows, "goals": []}


def times(name: str, cell: Any, steps: int, batch: int, rounds: int) -> dict[str, Any]:
    """A line for each precision."""
    given = drawn(cell, steps, batch)
    kinds = {k: p for k, p in PRECISIONS.items() if k != "float32, short products" or jax.default_backend() != "cpu"}
    programs = all_compiled({kind: (cell, precision, training_step, given) for kind, precision in kinds.items()})
    able = {kind: program for kind, program in programs.items() if not isinstance(program, str)}
    seconds: dict[str, list[float]] = {kind: [] for kind in able}
    for count in range(rounds + 1):
        for kind, program in able.items():
            with within(program.precision):
                start = time.perf_counter()
                jax.block_until_ready(program.run(*program.arguments))
                if count:
                    seconds[kind].append(time.perf_counter() - start)
    rows = []
    for kind, program in programs.items():
        if isinstance(program, str):
            rows.append({"contender": kind, "failure": program})
            continue
        line = {"contender": kind} | spread("milliseconds", [1e3 * taken for taken in seconds[kind]])
        line |= spread("ratio", ratios(seconds[kind], seconds["float32"]))
        rows.append(line | {"temporary memory MB": program.run.memory_analysis().temp_size_in_bytes / 1e6})
    setting = f"{name}, {INPUTS} inputs, batch {batch}, {steps} steps"
    return {"setting": setting, "what": "training step, ratio to float32", "rows": rows, "goals": []}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_rounds(parser)
    parser.add_argument("--only", nargs="+", choices=("errors", "times"), default=["errors", "times"])
    parser.add_argument("--units", type=int, default=32, help="neurons of the cells whose errors are measured")
    parser.add_argument("--time", type=int, help="steps of what is timed (default 128, on a CPU 32)")
    parser.add_argument("--batches", type=int, nargs="+", help="of what is timed (default 32 256, on a CPU 32)")
    arguments = parser.parse_args()
    on_cpu = jax.default_backend() == "cpu"
    steps, batches = arguments.time or (32 if on_cpu else 128), arguments.batches or ([32] if on_cpu else [32, 256])
    name, device = f"precision_{jax.default_backend()}", jax.devices()[0].device_kind
    with results.collected(name, f"Precisions on {device}", arguments.rounds) as add:
        if "errors" in arguments.only:
            add(errors(arguments.units, 8))
        if "times" in arguments.only:
            for cell_name, cell in TIMED.items():
                for batch in batches:
                    add(times(cell_name, cell, steps, batch, arguments.rounds))


if __name__ == "__main__":
    main()
