"""What does it cost that no step of an adaptive solver crosses a reading of the inputs?

Three ways to solve an LTC over interpolated inputs: one solve with steps anywhere, as `integrate` did until inputs that
last for one reading were found to be stepped over; one solve whose steps are clipped at the readings by diffrax; and
`integrate`, a solve of its own from each reading to the next. Times are medians over rounds in which all take their
turn, in float32, errors the largest of a state against float64 with tolerances of 1e-10.
Usage: python benchmarks/integrate_knots.py [--rounds 15]
"""

import argparse
import statistics
import time

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

import liquidjax as lj
from liquidjax.experiments.shared.tables import markdown

BATCH, TIME, INPUTS = 32, 64, 8
CELL = lj.LTC(INPUTS, lj.AutoNCP(32, 4))
CONTROLLER = diffrax.PIDController(rtol=1e-6, atol=1e-6)


def one_solve(clipped, interpolation):
    """(params, times, inputs) -> states at the times, for a batch with times of their own."""

    def of_sample(params, times, inputs):
        def field(t, x, _):
            if interpolation == "linear":
                now = diffrax.LinearInterpolation(times, inputs).evaluate(t)
            else:
                now = inputs[jnp.minimum(jnp.searchsorted(times, t, side="right"), len(times) - 1)]
            drive, rate = CELL.coefficients(params, x, CELL.sense(params, now))
            return drive - rate * x

        knots = {"step_ts" if interpolation == "linear" else "jump_ts": times[1:-1]}
        controller = diffrax.ClipStepSizeController(CONTROLLER, **knots) if clipped else CONTROLLER
        return diffrax.diffeqsolve(
            diffrax.ODETerm(field),
            diffrax.Tsit5(),
            times[0],
            times[-1],
            None,
            CELL.initial_state((), inputs.dtype),
            stepsize_controller=controller,
            saveat=diffrax.SaveAt(ts=times),
        ).ys

    return jax.vmap(of_sample, in_axes=(None, 1, 1), out_axes=1)


def ours(interpolation):
    return lambda params, times, inputs: lj.integrate(CELL, params, times, inputs, interpolation=interpolation).states


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="counted rounds after the warm-up (default 15)")
    rounds = parser.parse_args().rounds
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.uniform(0.05, 0.15, (TIME, BATCH)), axis=0).astype(np.float32)
    inputs = rng.normal(size=(TIME, BATCH, INPUTS)).astype(np.float32)
    params = CELL.init(jax.random.key(0))
    lines = []
    for interpolation in ("linear", "held"):
        with jax.enable_x64(True):
            tight = lj.Diffrax(controller=diffrax.PIDController(rtol=1e-10, atol=1e-10))
            given = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), (params, times, inputs))
            exact = np.asarray(lj.integrate(CELL, *given, interpolation=interpolation, integrator=tight).states)
        ways = {
            "integrate": ours(interpolation),
            "one solve, clipped": one_solve(True, interpolation),
            "one solve, steps anywhere (wrong)": one_solve(False, interpolation),
        }
        runs = {}
        for name, way in ways.items():
            value = jax.jit(way)
            gradient = jax.jit(jax.value_and_grad(lambda p, t, u, way=way: jnp.sum(way(p, t, u) ** 2)))
            runs[name] = (value, gradient, float(np.abs(value(params, times, inputs) - exact).max()))
        spent = {(name, i): [] for name in ways for i in range(2)}
        for round_ in range(rounds + 1):
            for name, i in spent:
                start = time.perf_counter()
                jax.block_until_ready(runs[name][i](params, times, inputs))
                if round_:
                    spent[name, i].append(1e3 * (time.perf_counter() - start))
        median = {key: statistics.median(values) for key, values in spent.items()}
        for name in ways:
            found = [(median[name, i], median[name, i] / median["integrate", i]) for i in range(2)]
            cells = [text for milliseconds, ratio in found for text in (f"{milliseconds:.1f}", f"{ratio:.2f}")]
            lines.append([interpolation, name, *cells, f"{runs[name][2]:.1e}"])
    header = ["inputs", "way", "value, ms", "ratio", "value and gradient, ms", "ratio", "largest error"]
    print(markdown(header, lines, align="ll"))


if __name__ == "__main__":
    main()
