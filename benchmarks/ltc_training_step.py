"""Time and memory of one training step of the LTC, side by side with ncps on torch and a plain dense JAX port.

The same wiring, the same weights, the same data, the same loss: mean of the squared outputs. The contenders run in
turn, A B C A B C ..., after a warm-up; a ratio is the median of the ratios within a turn, so that a machine whose speed
drifts does not favour one. Usage: python benchmarks/ltc_training_step.py [--help]
"""

import argparse
import functools
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

UNITS, OUTPUTS, INPUTS, BATCH, TIME, UNFOLDS, LEARNING_RATE = 32, 4, 8, 64, 64, 6, 1e-2
CONTENDERS = ("liquidjax", "ncps torch", "dense JAX port")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=15, help="counted turns after the warm-up (default 15)")
    parser.add_argument("--peak", choices=CONTENDERS, help=argparse.SUPPRESS)  # a fresh process for one contender
    arguments = parser.parse_args()
    if arguments.peak:
        print(json.dumps(peak_memory(arguments.peak)))
        return

    steps = {name: build(name) for name in CONTENDERS}
    losses = {name: step() for name, (step, _) in steps.items()}
    if max(losses.values()) - min(losses.values()) > 1e-5:
        sys.exit(f"The contenders do not compute the same loss: {losses}")
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for turn in range(arguments.turns + 1):
        for name, (step, _) in steps.items():
            start = time.perf_counter()
            step()
            if turn:
                seconds[name].append(time.perf_counter() - start)

    rows = []
    for name in CONTENDERS:
        ratios = [theirs / ours for theirs, ours in zip(seconds[name], seconds["liquidjax"], strict=True)]
        process = subprocess.run([sys.executable, __file__, "--peak", name], capture_output=True, text=True, check=True)
        rows.append(
            {
                "contender": name,
                "milliseconds": round(1e3 * statistics.median(seconds[name]), 2),
                "fastest": round(1e3 * min(seconds[name]), 2),
                "slowest": round(1e3 * max(seconds[name]), 2),
                "times liquidjax": round(statistics.median(ratios), 2),
                "compiled temporaries MB": steps[name][1],
                "process memory above import MB": json.loads(process.stdout),
            }
        )
        print(f"measured {name}", file=sys.stderr)
    report(rows)


def report(rows: list[dict]) -> None:
    setting = f"AutoNCP({UNITS}, {OUTPUTS}), {INPUTS} inputs, batch {BATCH}, {TIME} steps, {UNFOLDS} unfolds, float32"
    result = {
        "question": "one training step (gradient and Adam) of an LTC",
        "setting": setting,
        "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
        "versions": {p: version(p) for p in ("jax", "jaxlib", "optax", "torch", "ncps", "numpy")},
        "rows": rows,
    }
    folder = Path(__file__).parent / "results"
    folder.mkdir(exist_ok=True)
    (folder / "ltc_training_step.json").write_text(json.dumps(result, indent=1) + "\n")
    print(f"{result['question']}: {setting}\n")
    print("| " + " | ".join(rows[0]) + " |")
    print("|" + " --- |" * len(rows[0]))
    for row in rows:
        print("| " + " | ".join(str(v) for v in row.values()) + " |")


def peak_memory(name: str) -> float:
    """Peak resident MB of three training steps above that of the imports."""
    import torch  # noqa: F401

    import liquidjax  # noqa: F401

    def peak() -> float:
        # ru_maxrss would count the parent, of which a new process is a copy until it starts its own program.
        status = Path("/proc/self/status").read_text()
        return next(float(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))

    before = peak()
    step, _ = build(name)
    for _ in range(3):
        step()
    return round(peak() - before, 1)


def build(name: str) -> tuple[Callable[[], float], float | None]:
    """A training step that returns its loss, and its compiled temporary megabytes where there are any."""
    torch_network = ncps_network()
    inputs = np.random.default_rng(0).normal(size=(BATCH, TIME, INPUTS)).astype(np.float32)
    if name == "ncps torch":
        return torch_step(torch_network, inputs), None
    arrays = {key: value.detach().numpy().copy() for key, value in torch_network.state_dict().items()}
    return jax_step(name, arrays, np.swapaxes(inputs, 0, 1))


def ncps_network():
    import ncps.torch
    import ncps.wirings
    import torch

    torch.manual_seed(0)
    return ncps.torch.LTC(INPUTS, ncps.wirings.AutoNCP(UNITS, OUTPUTS), ode_unfolds=UNFOLDS)


def torch_step(network, inputs: np.ndarray) -> Callable[[], float]:
    import torch

    optimiser = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)
    data = torch.from_numpy(inputs)

    def step() -> float:
        optimiser.zero_grad()
        outputs, _ = network(data)
        loss = (outputs**2).mean()
        loss.backward()
        optimiser.step()
        return loss.item()

    return step


def jax_step(name: str, arrays: dict, inputs: np.ndarray) -> tuple[Callable[[], float], float]:
    import jax
    import jax.numpy as jnp
    import optax

    from liquidjax.interop import from_ncps

    if name == "liquidjax":
        wiring = {"class": "AutoNCP", "arguments": {"units": UNITS, "output_size": OUTPUTS}}
        arguments = {"input_size": INPUTS, "units": wiring, "ode_unfolds": UNFOLDS}
        cell, params = from_ncps("LTC", arguments, arrays)

        outputs = functools.partial(unrolled, cell)
    else:
        masks = {k: arrays.pop(f"rnn_cell.{k}sparsity_mask") for k in ("", "sensory_")}
        params = {k.removeprefix("rnn_cell."): jnp.asarray(v) for k, v in arrays.items()}
        outputs = functools.partial(dense_port, masks)

    optimiser = optax.adam(LEARNING_RATE)

    def update(params, state, inputs):
        loss, gradient = jax.value_and_grad(lambda p: jnp.mean(outputs(p, inputs) ** 2))(params)
        changes, state = optimiser.update(gradient, state)
        return optax.apply_updates(params, changes), state, loss

    carried = [params, optimiser.init(params)]
    data = jnp.asarray(inputs)
    compiled = jax.jit(update, donate_argnums=(0, 1)).lower(*carried, data).compile()

    def step() -> float:
        carried[0], carried[1], loss = compiled(*carried, data)
        return float(loss)

    analysis = compiled.memory_analysis()
    assert analysis is not None, "this backend does not report its memory"
    return step, round(analysis.temp_size_in_bytes / 1e6, 2)


def unrolled(cell, params, inputs):
    import liquidjax as lj

    return lj.unroll(cell, params, inputs)[1]


def dense_port(masks: dict, params: dict, inputs):
    """ncps line by line: every pair of neurons is a synapse, (batch, units, units), half of them masked away."""
    import jax
    import jax.numpy as jnp

    def positive(name):
        return jax.nn.softplus(params[name])

    def sums(prefix, x):
        gate = jax.nn.sigmoid(params[prefix + "sigma"] * (x[..., None] - params[prefix + "mu"]))
        activation = positive(prefix + "w") * gate * masks[prefix]
        return jnp.sum(activation * params[prefix + "erev"], axis=-2), jnp.sum(activation, axis=-2)

    def step(v, u):
        current, conductance = sums("sensory_", u * params["input_w"] + params["input_b"])
        cm, leak = positive("cm") * UNFOLDS, positive("gleak")
        for _ in range(UNFOLDS):
            recurrent_current, recurrent_conductance = sums("", v)
            numerator = cm * v + leak * params["vleak"] + recurrent_current + current
            v = numerator / (cm + leak + recurrent_conductance + conductance + 1e-8)
        return v, v[..., :OUTPUTS] * params["output_w"] + params["output_b"]

    return jax.lax.scan(step, jnp.zeros((inputs.shape[1], UNITS)), inputs)[1]


if __name__ == "__main__":
    main()
