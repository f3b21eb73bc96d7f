"""What do more devices give a training: steps a second with one, and with a batch that two share?

The step of `fit` on a mesh (gradient, one sum over the devices, optimizer), against that of one device, in turn within
one process, with the batch cut and put on the devices, as `fit` does it. Beside it the same step where the compiler is
told that the batch lies on two devices, and splits the program itself (`NamedSharding`): it does as well while all
samples take the same steps, but where each solves its equation in steps of its own, its devices wait for each other in
each turn of the loop. A ratio is that of the medians over the rounds.

Usage: python benchmarks/devices.py [--rounds N] [--steps N] [--batch N] [--devices N]
"""

import argparse
import os
import statistics
import time

import numpy as np

TIME, INPUTS, UNITS = 32, 4, 32


def trainings(batch, devices):
    """{network: {way: step}}: each step takes and returns a state."""
    import diffrax
    import jax
    from jax.sharding import AxisType, NamedSharding

    import liquidjax as lj
    from liquidjax.tasks.dataset import SequenceDataset
    from liquidjax.tasks.preparation import Preparation
    from liquidjax.training import shared
    from liquidjax.training.examples import examples
    from liquidjax.training.objectives import Regression
    from liquidjax.training.optimizer import Optimizer
    from liquidjax.training.shares import shares_of
    from liquidjax.training.state import init_state, usual_gradient
    from liquidjax.training.steps import one_step, shared_step

    rng = np.random.default_rng(0)
    # Times of every sample's own: an adaptive solver has more to do for some.
    times = np.cumsum(rng.gamma(0.5, 1.0, (batch, TIME)), axis=1)
    whole = SequenceDataset.of(list(rng.normal(size=(batch, TIME, INPUTS))), list(times), rng.normal(size=(batch, 1)))
    objective, optimizer = Regression(), Optimizer()
    data = examples(whole, Preparation.learnt(whole), objective)
    mesh = jax.make_mesh((devices,), (shared.AXIS,), axis_types=(AxisType.Auto,))
    shares, rows, specs = shares_of(mesh, batch), np.arange(batch), shared.specs(data, False)
    adaptive = lj.Diffrax(diffrax.Tsit5(), diffrax.PIDController(rtol=1e-3, atol=1e-5))
    cells = {
        "LTC": lj.Readout(lj.LTC(INPUTS, lj.AutoNCP(UNITS, 4)), 1),
        "CfC": lj.Readout(lj.CfC(INPUTS, UNITS), 1),
        "CTRNN, adaptive": lj.Readout(lj.CTRNN(INPUTS, 8, integrator=adaptive), 1),
    }
    found = {}
    for name, cell in cells.items():
        how = (cell, objective, optimizer, 1, usual_gradient(cell), lj.Scan())
        start = init_state(cell, optimizer.transform(1), jax.random.key(0))

        def alone(state, how=how):
            return one_step(*how, {}, state, data.batch(rows, TIME))[0]

        def on_mesh(state, how=how):
            return shared_step(how, None, mesh, specs, {}, state, shares.batch(data, rows, TIME, ""), None)[0]

        def compiler(state, how=how):
            place = jax.tree.map(lambda spec: NamedSharding(mesh, spec), specs)
            return one_step(*how, {}, state, jax.device_put(data.batch(rows, TIME), place))[0]

        copy = jax.tree.map(lambda leaf: leaf.copy(), start)
        found[name] = {"one": (alone, copy)}
        found[name]["shared"] = (on_mesh, shares.everywhere(start))
        found[name]["compiler"] = (compiler, shares.everywhere(start))
    return found


def measured(ways, rounds, steps):
    """Steps a second of each way, the median over rounds in which they take turns."""
    import jax

    states = {way: jax.block_until_ready(step(state)) for way, (step, state) in ways.items()}
    seconds = {way: [] for way in ways}
    for _ in range(rounds):
        for way, (step, _) in ways.items():
            begun = time.perf_counter()
            for _ in range(steps):
                states[way] = step(states[way])
            jax.block_until_ready(states[way])
            seconds[way].append((time.perf_counter() - begun) / steps)
    return {way: 1 / statistics.median(each) for way, each in seconds.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("rounds", 7), ("steps", 20), ("batch", 128), ("devices", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    # Before JAX is imported; each device of a CPU then has threads of its own.
    flags = f"--xla_force_host_platform_device_count={given.devices}"
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()
    import liquidjax as lj
    from liquidjax.experiments.shared.machine import load_average
    from liquidjax.experiments.shared.tables import markdown
    from liquidjax.training.members import cores

    lj.tune_cpu()
    rows = []
    for name, ways in trainings(given.batch, given.devices).items():
        found = measured(ways, given.rounds, given.steps)
        ratios = (f"{found[way] / found['one']:.2f}" for way in ("shared", "compiler"))
        rows.append([name, *(f"{found[way]:.1f}" for way in ("one", "shared")), *ratios])
    header = ["network", "steps a second, 1 device", f"{given.devices} devices", "ratio", "ratio of the compiler's"]
    print(markdown(header, rows))
    print(f"Batch {given.batch}, {TIME} steps; {cores()} cores, load average {load_average()}")


if __name__ == "__main__":
    main()
