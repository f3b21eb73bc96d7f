"""Files of a run and of a checkpoint with a bit flipped, cut off, or gone: noticed, or without harm."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

import liquidjax as lj
from faults.trial import Trial, short
from liquidjax.experiments.shared import run_folder
from liquidjax.experiments.supervised import evaluate, runs
from liquidjax.training import parameters
from liquidjax.training.checkpoints.keeper import Checkpoints

CELL = lj.GRU(inputs=2, units=3)
Damage = tuple[str, bytes]
"""In words, and what a file holds then."""


def damages(content: bytes, count: int, generator: np.random.Generator) -> Iterator[Damage]:
    """So many: three bits flipped, then a cut."""
    for number in range(count):
        if number % 4 < 3 and content:
            bit = int(generator.integers(8 * len(content)))
            flipped = bytearray(content)
            flipped[bit // 8] ^= 1 << bit % 8
            yield "a bit flipped", bytes(flipped)
        else:
            yield "cut off", content[: int(generator.integers(len(content)))] if content else b"more"


def of_checkpoints(place: Path, count: int, seed: int) -> Iterator[Trial]:
    """The newest of three checkpoints is damaged, in each of its files; what is found then must be the one before."""
    generator = np.random.default_rng(seed)
    told: list[str] = []
    checkpoints = Checkpoints(place / "checkpoints", notice=told.append)
    arrays = {"w": generator.normal(size=(40, 5)).astype(np.float32), "key": np.arange(4, dtype=np.uint32)}
    with checkpoints.opened() as keeper:
        for step in (1, 2, 3):
            keeper.save(step, {name: array + array.dtype.type(step) for name, array in arrays.items()}, {"step": step})
    newest = Path(checkpoints.folder) / "step-00000003"
    files = sorted(path.relative_to(newest) for path in newest.rglob("*") if path.is_file())
    for number in range(count):
        file = newest / files[number % len(files)]
        content = file.read_bytes()
        kind, damaged = (
            next(damages(content, 1, generator)) if number % 4 < 3 else ("cut off", content[: len(content) // 2])
        )
        if damaged == content:
            damaged = b"more"
        file.write_bytes(damaged)
        told.clear()
        with checkpoints.opened() as keeper:
            found = keeper.last()
        aside = newest.with_name(f"damaged-{newest.name}")
        noticed = found is not None and found[1] == {"step": 2} and len(told) == 1 and aside.is_dir()
        exact = found is not None and np.array_equal(found[0]["w"], arrays["w"] + np.float32(2))
        outcome = "noticed, the one before taken" if noticed and exact else "NOT NOTICED"
        yield Trial(
            f"checkpoint, {kind}", _named(files[number % len(files)]), outcome, noticed and exact, short("".join(told))
        )
        if aside.is_dir():
            aside.rename(newest)
        file.write_bytes(content)


def of_models(place: Path, count: int, seed: int) -> Iterator[Trial]:
    """A model.safetensors, which must not load."""
    params = CELL.init(jax.random.key(seed))
    lj.Model(CELL, params, features=("x", "y"), notes={"config": "{}"}).save(place / "model.safetensors")
    yield from _loaded("model file", place / "model.safetensors", lj.load, count, seed)


def of_parameters(place: Path, count: int, seed: int) -> Iterator[Trial]:
    """A file of parameters, which must not load."""
    params = CELL.init(jax.random.key(seed))
    parameters.save(place / "params.npz", params, CELL)
    yield from _loaded(
        "file of parameters", place / "params.npz", lambda path: parameters.load(path, params, CELL), count, seed
    )


def _loaded(kind: str, file: Path, load: Callable[[Path], Any], count: int, seed: int) -> Iterator[Trial]:
    content = file.read_bytes()
    for what, damaged in damages(content, count, np.random.default_rng(seed)):
        file.write_bytes(damaged)
        try:
            load(file)
            yield Trial(f"{kind}, {what}", file.name, "NOT NOTICED", False)
        except ValueError as error:
            yield Trial(f"{kind}, {what}", file.name, "noticed", True, short(str(error)))
    file.write_bytes(content)


def of_ended_runs(whole: Path, place: Path, count: int, seed: int) -> Iterator[Trial]:
    """Files of a run that came to its end, which `evaluate` and `runs` read: an error, or what they say is the same.

    Args:
        whole: the folder of the run.
        place: for a copy.
    """
    copy = shutil.copytree(whole, place / "ended")
    generator = np.random.default_rng(seed)
    expected = _read(copy)
    names = ("config.yaml", "metrics.jsonl", "results.json", "model.safetensors")
    for number in range(count):
        file = copy / names[number % len(names)]
        content = file.read_bytes()
        (kind, damaged), *_ = (
            damages(content, 4, generator) if number % 16 < 12 else [*damages(content, 4, generator)][3:]
        )
        file.write_bytes(damaged)
        try:
            found = _read(copy)
            harmless = found == expected
            yield Trial(f"run folder, {kind}", file.name, "without harm" if harmless else "NOT NOTICED", harmless)
        except (ValueError, FileNotFoundError) as error:
            yield Trial(f"run folder, {kind}", file.name, "noticed", True, short(str(error)))
        file.write_bytes(content)


def _read(folder: Path) -> Any:
    """What `evaluate` and `runs` read of a folder; the ValueError where one of them says that it is damaged."""
    config, model = evaluate.restore(folder)
    row = evaluate.recorded_rows(folder)[0]
    listed = runs.look(folder)
    if listed.damage:
        raise ValueError(listed.damage)
    history = {name: np.nan_to_num(column).tolist() for name, column in listed.history.items()}
    return config, jax.tree.map(lambda leaf: np.asarray(leaf).tobytes(), model.params), row, history, listed.state


def of_begun_runs(begun: Path, place: Path, count: int, seed: int) -> Iterator[Trial]:
    """The config.yaml of a run that is to go on: refused, or it says the same; nothing is trained here."""
    copy = shutil.copytree(begun, place / "begun")
    generator = np.random.default_rng(seed)
    from liquidjax.experiments.shared import configuration
    from liquidjax.experiments.supervised.config import SupervisedConfig

    file = copy / "config.yaml"
    content = file.read_bytes()
    expected = configuration.read(file, SupervisedConfig)
    for kind, damaged in damages(content, count, generator):
        file.write_bytes(damaged)
        try:
            config = configuration.read(file, SupervisedConfig)
            run_folder.go_on(copy, config)
            same = config == expected
            yield Trial(
                f"settings of a run to go on, {kind}", file.name, "without harm" if same else "NOT NOTICED", same
            )
        except ValueError as error:
            yield Trial(f"settings of a run to go on, {kind}", file.name, "noticed", True, short(str(error)))
    file.write_bytes(content)


def _named(path: Path) -> str:
    return path.as_posix()
