"""All trials, in sections; the whole form is what the README counts, the small one takes seconds."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from faults import damage, disks
from faults.kills import Reference, moments
from faults.mutated import KINDS
from faults.server import HERE, Server
from faults.small_runs import SHAPES
from faults.trial import Trial


class Sizes(NamedTuple):
    """How many trials of each kind there are."""

    kills: int = 46
    clock: int = 6
    signals: int = 10
    checkpoints: int = 200
    models: int = 120
    parameters: int = 60
    ended: int = 80
    begun: int = 40
    mutated: int = 600
    full: int = 9
    writers: tuple[int, ...] = (4, 40)
    shapes: tuple[str, ...] = tuple(SHAPES)


WHOLE = Sizes()
SMALL = Sizes(1, 0, 1, 8, 8, 8, 8, 0, 30, 1, (), tuple(SHAPES)[-1:])


def references(server: Server, place: Path, sizes: Sizes) -> list[Reference]:
    """The runs that nothing happens to."""
    return [Reference(server, place, shape) for shape in sizes.shapes]


def of_kills(runs: list[Reference], place: Path, sizes: Sizes, seed: int = 0) -> Iterator[Trial]:
    """Killed from inside and by the clock, and asked to stop."""
    for index, run in enumerate(runs):
        share = -(-sizes.kills // len(runs))
        for number, moment in enumerate(moments(run.changes, share, seed)):
            again = (30 + 7 * number,) if number % 3 == 0 else ()
            yield run.killed(place / f"killed{index}-{number}", moment, *again)
    run = runs[0]
    for number in range(sizes.clock):
        yield run.killed_after(place / f"clock{number}", 2 + number * 2 * run.seconds / sizes.clock)
    for number in range(sizes.signals):
        run = runs[number % len(runs)]
        moment = 14 + (len(run.changes) - 60) * number // sizes.signals
        yield run.stopped(place / f"stopped{number}", moment, ("SIGTERM", "SIGINT")[number % 2])


def of_damage(runs: list[Reference], place: Path, sizes: Sizes, seed: int = 0) -> Iterator[Trial]:
    """Bits flipped, files cut off."""
    yield from damage.of_checkpoints(place, sizes.checkpoints, seed)
    yield from damage.of_models(place, sizes.models, seed)
    yield from damage.of_parameters(place, sizes.parameters, seed)
    run = runs[-1]
    whole = run.place / f"{run.config.stem}-whole"
    yield from damage.of_ended_runs(whole, place, sizes.ended, seed)
    if not sizes.begun:
        return
    run.server.run("train", run.config, "--folder", place / "killed", below=str(place / "killed"), at=60, action="kill")
    yield from damage.of_begun_runs(place / "killed", place, sizes.begun, seed)


def of_files(place: Path, count: int, seed: int = 0) -> Iterator[Trial]:
    """Mutated files, in a process of bounded memory."""
    paths = os.pathsep.join([str(HERE.parent), str(HERE.parent.parent), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, str(HERE / "mutated.py"), str(count), str(seed)]
    environment = {**os.environ, "PYTHONPATH": paths}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        for line in process.stdout:
            yield Trial(*json.loads(line))
    if process.returncode:
        yield Trial("mutated file", "the next", f"ended the process with {process.returncode}", False)


def of_disks(runs: list[Reference], place: Path, sizes: Sizes) -> Iterator[Trial]:
    """Full disks, two writers, folders that are not to be written."""
    for number in range(sizes.full):
        run = runs[number % len(runs)]
        moment = 3 + (len(run.changes) - 6) * number // max(sizes.full - 1, 1)
        yield disks.full(run, place / f"full{number}", moment, moment + 60 if number % 3 == 2 else 0)
    for moment in sizes.writers:
        for resume in (False, True):
            yield disks.two_writers(runs[-1], place / f"two{moment}{resume}", moment, resume)
    for begun in (False, True) if sizes.full else (False,):
        yield disks.read_only(runs[-1], place / f"read{begun}", begun)


def count_of(sizes: Sizes) -> dict[str, int]:
    """About how many trials a section has."""
    return {
        "kills": sizes.kills + sizes.clock + sizes.signals,
        "damage": sizes.checkpoints + sizes.models + sizes.parameters + sizes.ended + sizes.begun,
        "files": sum(round(share * sizes.mutated) for share in KINDS.values()),
        "disks": sizes.full + 2 * len(sizes.writers) + 2,
    }
