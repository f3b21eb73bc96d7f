"""A model as StableHLO by `jax.export`: one archive that runs on CPU, CUDA and TPU, for any batch and any time.

Whoever receives it needs JAX, and nothing of liquidjax: the arguments are dicts of arrays, the parameters are in the
program. It can be differentiated once. See `liquidjax.export.archive` for the file.

Reference:
    "Exporting and serializing staged-out computations", https://docs.jax.dev/en/latest/export/export.html
"""

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import jax
import jax.export
import jax.numpy as jnp

from liquidjax import _files
from liquidjax._checks import check_choice, check_size, described
from liquidjax.export import archive
from liquidjax.export.comparison import STEPS, Written, compare, trial
from liquidjax.export.deployed import Carried, Deployed
from liquidjax.export.lowering import MISSING, PLATFORMS, lowered, serialised
from liquidjax.export.readme import MEMBERS, readme
from liquidjax.training.model import Model
from liquidjax.training.precision import computing

KIND = "stablehlo"
STEP, SEQUENCE, TEXT = "step.jax", "sequence.jax", "step.mlir"
LOAD = """\
import json, sys, zipfile
import jax, jax.export
import numpy as np

archive = zipfile.ZipFile(sys.argv[1])
about, example = (json.loads(archive.read(name)) for name in ("description.json", "example.json"))
jax.config.update("jax_enable_x64", about["dtype"] == "float64")
program = {n: jax.export.deserialize(bytearray(archive.read(f"{n}.jax"))) for n in ("step", "sequence")}
step, sequence = jax.jit(program["step"].call), jax.jit(program["sequence"].call)

def initial_state(batch):
    start = {name: np.array(leaf["initial"], leaf["dtype"]) for name, leaf in about["state"].items()}
    return {name: np.broadcast_to(leaf, (batch, *leaf.shape)) for name, leaf in start.items()}

features, dt, wanted = (np.array(example[name], about["dtype"]) for name in ("features", "dt", "answers"))
state, answers = sequence(initial_state(dt.shape[1]), features, dt)  # (time, batch, features), (time, batch)
state = initial_state(dt.shape[1])
for t in range(len(dt)):  # or one step after another, as the readings come
    state, answer = step(state, features[t], dt[t])
print(*about["answers"], answer, sep="\\n")
print("the sequence differs from the model by", np.max(np.abs(answers - wanted)))
print("the last step differs from the model by", np.max(np.abs(answer - wanted[-1])))
"""
"""Runs an archive with JAX alone."""
_MEMBERS = {
    **MEMBERS,
    STEP: "one step, for jax.export.deserialize: (state, features, dt) -> (state, answers)",
    SEQUENCE: "a sequence, likewise, with time as the first axis of features, dt and answers",
    TEXT: "the step for a batch of 1 as StableHLO in text, for other compilers; its arguments and results are the "
    "arrays of the state in the order of their names, then features and dt, then the answers",
}
_COMPARED = ((STEPS, 3), (7, 1))  # steps and series


@dataclass(frozen=True, eq=False)
class Loaded:
    """An archive that was loaded back: a model without its classes.

    Attributes:
        about: what it is.
        programs: of `jax.export`, by their names "step" and "sequence".
    """

    about: archive.About
    programs: dict[str, jax.export.Exported]
    _compiled: dict[str, Callable[..., Any]]

    def initial_state(self, batch: int) -> Carried:
        """The state before the first step of each series of a batch."""
        return self.about.initial_state(check_size("batch", batch))

    def step(self, state: Carried, features: Any, dt: Any) -> tuple[Carried, jax.Array]:
        """One step: (state, answers); features (batch, features), dt (batch,). See `Deployed.step`."""
        return self._run("step", state, features, dt)

    def sequence(self, state: Carried, features: Any, dt: Any) -> tuple[Carried, jax.Array]:
        """Steps one after another: (state, answers); features (time, batch, features), dt (time, batch)."""
        return self._run("sequence", state, features, dt)

    def _run(self, name: str, state: Carried, features: Any, dt: Any) -> tuple[Carried, jax.Array]:
        with computing(self.about.dtype):
            return self._compiled[name](state, *(jnp.asarray(given, self.about.dtype) for given in (features, dt)))


def write(
    model: Model,
    path: str | os.PathLike,
    *,
    platforms: Iterable[str] = ("cpu", "cuda", "tpu"),
    dtype: str = "float32",
) -> Written:
    """Exports a model to one archive, which is there completely and compared with the model, or not at all.

    Args:
        model: a trained model.
        path: the file; an existing one is replaced. `.stablehlo.zip` is a fitting ending.
        platforms: where it will run; among them must be the one it is compared on, that of this process.
        dtype: what it computes in, "float32" or "float64".

    Returns:
        The file, its length, and the largest difference from the model.

    Raises:
        ImportError: flatbuffers, by which JAX writes programs, is not installed.
        ValueError: a model that cannot be exported, an unknown platform, or answers other than those of the model.

    Example:
        >>> import liquidjax as lj, tempfile, pathlib
        >>> cell = lj.GRU(inputs=2, units=3)
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "model.stablehlo.zip"
        >>> write(lj.Model(cell, cell.init(jax.random.key(0))), file).difference < 1e-4
        True
        >>> loaded = load(file)
        >>> state, answers = loaded.sequence(loaded.initial_state(5), jnp.ones((7, 5, 2)), jnp.ones((7, 5)))
        >>> answers.shape
        (7, 5, 3)
    """
    deployed, where = Deployed(model, dtype), _platforms(platforms)
    what = archive.about(deployed, {"batch": None, "time": None}, where, jax=jax.__version__)
    programs = {STEP: lowered(deployed, "step", where), SEQUENCE: lowered(deployed, "sequence", where)}
    alone = lowered(deployed, "step", (jax.export.default_export_platform(),), batch=1)
    given, wanted = trial(deployed)
    intro = (
        f"A trained network as a program for {', '.join(where)}, in StableHLO. JAX {jax.__version__} or a later one "
        "runs it: pip install jax flatbuffers, and then python load.py ARCHIVE."
    )
    members = {
        archive.README: readme(what, intro, _MEMBERS, LOAD),
        archive.PROGRAM: LOAD.encode(),
        archive.EXAMPLE: archive.example(given, wanted),
        **{name: serialised(deployed, program) for name, program in programs.items()},
        TEXT: alone.mlir_module().encode(),
    }
    with _files.replacing(path) as file:
        archive.write(file, KIND, what, members)
        found = compare(deployed, _loaded(path, file), given, wanted, _COMPARED)
        found = max(found, compare(deployed, _Alone(what, jax.jit(alone.call)), given, wanted, [(7, 1)]))
        size = file.seek(0, os.SEEK_END)
    return Written(Path(path), size, found)


def load(path: str | os.PathLike) -> Loaded:
    """Reads what `write` wrote, for this process; whoever has no liquidjax finds in the archive how to run it.

    The programs may compute and nothing else: one that calls anything outside is refused. But what reads them is native
    code of JAX, and bytes that were made to do harm, under a right checksum, can end the process: an archive is a
    program, and as trustworthy as whoever sent it.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: flatbuffers is not installed.
        ValueError: the file is damaged, of a later format, or not what `write` writes.
    """
    with Path(path).open("rb") as file:
        return _loaded(path, file)


class _Alone(NamedTuple):
    """The step that is there as text."""

    about: archive.About
    compiled: Callable[..., Any]
    sequence: None = None

    def initial_state(self, batch: int) -> Carried:
        return self.about.initial_state(batch)

    def step(self, state: Carried, features: Any, dt: Any) -> tuple[Carried, Any]:
        with computing(self.about.dtype):
            return self.compiled(state, features, dt)


def _platforms(given: Any) -> tuple[str, ...]:
    if not isinstance(given, Iterable):
        raise ValueError(f"platforms must be names such as 'cpu', got {described(given)}")
    where = (given,) if isinstance(given, str) else tuple(given)
    for platform in where:
        check_choice("platforms", platform, PLATFORMS)
    here = jax.export.default_export_platform()
    if here not in where:
        raise ValueError(f"platforms must include {here}, where the export is compared with the model, got {where}")
    return tuple(dict.fromkeys(where))


def _loaded(path: str | os.PathLike, file: BinaryIO) -> Loaded:
    names = [name for name in _MEMBERS if name != archive.DESCRIPTION]
    about, members = archive.read(path, file, KIND, names)
    try:
        programs = {"step": _program(members[STEP]), "sequence": _program(members[SEQUENCE])}
        _check_fits(about, programs)
    except ImportError as error:
        raise ImportError(MISSING) from error
    except MemoryError:
        raise
    except Exception as error:  # what reads the bytes raises whatever comes to it
        reason = " ".join(str(error).split())[:300]
        raise ValueError(
            f"{path} cannot be loaded by JAX {jax.__version__}, it was written with {about.made_with}: {reason}; "
            "export the model again"
        ) from error
    return Loaded(about, programs, {name: jax.jit(program.call) for name, program in programs.items()})


def _program(contents: bytes) -> jax.export.Exported:
    program = jax.export.deserialize(bytearray(contents))
    for each in (program, program.vjp()):
        calls = re.findall(r"custom_call(?: @shape_assertion\()?", each.mlir_module())
        if "custom_call" in calls or each.ordered_effects or each.unordered_effects:
            raise ValueError("its program calls what is outside of it")
    return program


def _check_fits(about: archive.About, programs: dict[str, jax.export.Exported]) -> None:
    """The programs are for the state, the features and the platforms of the description."""
    state = {name: f"{leaf.dtype}{['b', *leaf.shape]}" for name, leaf in about.state.items()}
    for name, program in programs.items():
        arguments, _ = jax.tree.unflatten(program.in_tree, program.in_avals)
        time = ["t"] if name == "sequence" else []
        wanted = state, f"{about.dtype}{[*time, 'b', len(about.features)]}", f"{about.dtype}{[*time, 'b']}"
        found = jax.tree.map(_shown, arguments)
        if found != wanted or program.platforms != about.made_for:
            raise ValueError(f"its {name} must be for {wanted} on {about.made_for}")


def _shown(like: Any) -> str:
    return f"{like.dtype}{[size if type(size) is int else str(size) for size in like.shape]}"
