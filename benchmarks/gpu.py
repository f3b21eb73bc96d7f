"""How do the ways to run a liquid network compare on an accelerator, from short sequences to very long ones?

LTC by scan and by Newton's method on the whole sequence ("full", "diagonal" and "layered" Jacobian), CfC, and the gated
linear cell by scan and by associative scan, against ncps on torch on the same device. The floor is the tanh of the
LTC's forward pass in one elementwise operation, measured in the same rounds on the same device; beside a training step
it is that of the forward pass, too.

All contenders of a point hold their memory at the same time. What takes longer than the cap, runs out of memory or is
not installed is reported as such; what is bound to, because a shorter sequence has, is not tried. Without an
accelerator it runs on the CPU, with short sequences. Each network has a file of results of its own.
Usage: python benchmarks/gpu.py [--longest 65536] [--batches 1 32 256] [--what forward train] [--networks LTC CfC]
                                [--cap 120] [--rounds 7] [--at-once]
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import results
from comparison import add_rounds, refuse_different, row
from rounds import Entry, Record, measure, say
from setting import QUESTIONS, Setting

NETWORKS = {
    "LTC": (
        Setting("LTC", 32, "AutoNCP", inputs=8, batch=1, time=1, what="forward"),
        (
            "liquidjax scan",
            "liquidjax Newton full",
            "liquidjax Newton diagonal",
            "liquidjax Newton layered",
            "tanh floor",
            "ncps torch",
            "ncps torch.compile",
        ),
    ),
    "CfC": (Setting("CfC", 64, None, inputs=8, batch=1, time=1, what="forward"), ("liquidjax scan", "ncps torch")),
    "GatedLinear": (
        Setting("GatedLinear", 64, None, inputs=8, batch=1, time=1, what="forward"),
        ("liquidjax scan", "liquidjax associative"),
    ),
}
LONGEST, LONGEST_ON_CPU, SHORTEST = 65536, 256, 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_rounds(parser)
    parser.set_defaults(rounds=7)
    parser.add_argument(
        "--longest",
        type=int,
        help=f"time steps; an 8th and, on an accelerator, a 64th of them are "
        f"measured as well (default {LONGEST}, on a CPU {LONGEST_ON_CPU})",
    )
    parser.add_argument("--batches", type=int, nargs="+", help="(default 1 32 256, on a CPU 1)")
    parser.add_argument("--what", nargs="+", choices=("forward", "train"), default=["forward", "train"])
    parser.add_argument("--networks", nargs="+", choices=tuple(NETWORKS), default=list(NETWORKS))
    parser.add_argument(
        "--cap",
        type=float,
        default=120.0,
        help="seconds that starting and compiling, or one round, may take (default 120)",
    )
    parser.add_argument("--at-once", action="store_true", help="start the contenders of a point at the same time")
    arguments = parser.parse_args()
    # torch multiplies matrices in float32, JAX on a GPU does not unless it is asked to.
    os.environ["JAX_DEFAULT_MATMUL_PRECISION"] = "highest"
    backend, device = where()
    on_cpu = backend == "cpu"
    longest = arguments.longest or (LONGEST_ON_CPU if on_cpu else LONGEST)
    batches = arguments.batches or ((1,) if on_cpu else (1, 32, 256))
    if on_cpu:
        say(f"JAX finds no accelerator: this measures the CPU, up to {longest} steps, and tells nothing about a GPU.")
    lengths = sorted({max(SHORTEST, longest // part) for part in ((8, 1) if on_cpu else (64, 8, 1))})
    for network in arguments.networks:
        name = f"gpu_script_on_cpu_{network}" if on_cpu else f"gpu_{network}"
        with results.collected(name, f"{network}: long sequences on {device}", arguments.rounds) as add:
            for what in arguments.what:
                for batch in batches:
                    base, contenders = NETWORKS[network]
                    settings = [base.replace(what=what, batch=batch, time=length) for length in lengths]
                    for part in over_lengths(settings, contenders, arguments.rounds, arguments.cap, arguments.at_once):
                        add(part)


def where() -> tuple[str, str]:
    """JAX's backend and device, from another process: this one must not hold memory of the device."""
    ask = "import jax; print(jax.default_backend(), jax.devices()[0].device_kind, sep='\\n')"
    lines = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True).stdout.splitlines()
    return lines[-2], lines[-1]


def over_lengths(
    settings: Sequence[Setting], contenders: Sequence[str], rounds: int, cap: float, at_once: bool
) -> Iterator[dict[str, Any]]:
    """A part of the result for each length, from short to long."""
    before: dict[str, tuple[int, Record]] = {}
    for setting in settings:
        entries, records = [Entry(name, name, setting) for name in contenders], {}
        for entry in entries:
            reason = hopeless(before.get(entry.label), setting.time, cap)
            if reason:
                records[entry.label] = Record(entry.label, failure=reason)
                say(f"{entry.label}: {reason}")
        tried = [entry for entry in entries if entry.label not in records]
        records |= {record.label: record for record in measure(tried, rounds, cap, at_once)}
        refuse_different(tried, [records[entry.label] for entry in tried])
        ordered = [records[name] for name in contenders]
        rows = [row(record, ordered[0]) for record in ordered]
        yield {"setting": str(setting), "what": QUESTIONS[setting.what], "rows": rows, "goals": []}
        before |= {
            record.label: (setting.time, record)
            for record in ordered
            if record.label not in before or not before[record.label][1].failure
        }


def hopeless(before: tuple[int, Record] | None, time: int, cap: float) -> str:
    """Why a length need not be tried, from the longest one so far; empty when it is worth trying."""
    if before is None:
        return ""
    length, record = before
    if record.failure:
        return f"not tried: with {length} steps, {record.failure}"
    # The first answer holds two runs, besides starting and compiling.
    expected = 2 * max(record.seconds) * time / length
    return f"not tried: would take about {expected:.0f} s to start" if expected > cap else ""


if __name__ == "__main__":
    main()
