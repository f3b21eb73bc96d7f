"""A model compiled by IREE to native modules, for a batch that is fixed, in one archive with how to run them.

The step is compiled from StableHLO with the parameters in it, and where a number of steps is given, a sequence of so
many. What runs them is the runtime of IREE, without Python too: a module is called by its function `main`, with the
arrays of the state in the order of their names, features and dt; it returns the state and the answers.

Reference:
    IREE, https://iree.dev/
"""
# pyright: reportMissingImports=false
# IREE is an extra of its own, which `make check` does not install.

import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, BinaryIO, Literal

import jax
import numpy as np

from liquidjax import _files
from liquidjax._checks import check_choice, check_size
from liquidjax.export import archive
from liquidjax.export.comparison import STEPS, Written, compare, trial
from liquidjax.export.deployed import Deployed
from liquidjax.export.lowering import described, lowered
from liquidjax.export.readme import MEMBERS, readme
from liquidjax.training.model import Model

KIND = "iree"
STEP, SEQUENCE = "step.vmfb", "sequence.vmfb"
LOAD = """\
import json, sys, zipfile
import iree.runtime
import numpy as np

archive = zipfile.ZipFile(sys.argv[1])
about, example = (json.loads(archive.read(name)) for name in ("description.json", "example.json"))
context = iree.runtime.SystemContext(config=iree.runtime.Config(DRIVER))
module = iree.runtime.VmModule.copy_buffer(context.instance, archive.read("step.vmfb"))
context.add_vm_module(module)
step, names, batch = context.modules[module.name].main, list(about["state"]), about["sizes"]["batch"]

start = {name: np.array(leaf["initial"], leaf["dtype"]) for name, leaf in about["state"].items()}
state = [np.broadcast_to(start[name], (batch, *start[name].shape)) for name in names]
features, dt, wanted = (np.array(example[name], about["dtype"]) for name in ("features", "dt", "answers"))
for t in range(len(dt)):  # one step after another, as the readings come
    *state, answer = step(*map(np.ascontiguousarray, (*state, features[t], dt[t])))
answer = np.asarray(answer)
print(*about["answers"], answer, sep="\\n")
print("the last step differs from the model by", np.max(np.abs(answer - wanted[-1])))
"""
"""Runs an archive with the runtime of IREE alone."""
_MISSING = 'modules of IREE are made and run by its compiler and its runtime: pip install "liquidjax[iree]"'
_DRIVER = "local-sync"
_MEMBERS = {
    **MEMBERS,
    STEP: "one step: the arrays of the state in the order of their names, features (batch, features), dt (batch,) -> "
    "the arrays of the state, answers (batch, answers)",
    SEQUENCE: "steps one after another, likewise, with time as the first axis of features, dt and answers",
}


@dataclass(frozen=True, eq=False)
class Loaded:
    """An archive that was loaded back.

    Attributes:
        about: what it is.
    """

    about: archive.About
    _functions: dict[str, Callable[..., Any]]

    @property
    def sequence(self) -> Callable[[Mapping[str, Any], Any, Any], tuple[dict[str, Any], np.ndarray]] | None:
        """Steps one after another, as many as it was compiled for; None where it was compiled for none."""
        return self._sequence if SEQUENCE in self._functions else None

    def initial_state(self, batch: int) -> dict[str, Any]:
        """The state before the first step; the batch must be that which it was compiled for."""
        if batch != self.about.sizes["batch"]:
            raise ValueError(f"batch must be {self.about.sizes['batch']}, which it was compiled for, got {batch}")
        return self.about.initial_state(batch)

    def step(self, state: Mapping[str, Any], features: Any, dt: Any) -> tuple[dict[str, Any], np.ndarray]:
        """One step: (state, answers); features (batch, features), dt (batch,). See `Deployed.step`."""
        return self._run(STEP, state, features, dt)

    def _sequence(self, state: Mapping[str, Any], features: Any, dt: Any) -> tuple[dict[str, Any], np.ndarray]:
        return self._run(SEQUENCE, state, features, dt)

    def _run(self, name: str, state: Mapping[str, Any], features: Any, dt: Any) -> tuple[dict[str, Any], np.ndarray]:
        arrays = [np.ascontiguousarray(state[key]) for key in self.about.state]
        given = (np.ascontiguousarray(each, self.about.dtype) for each in (features, dt))
        *after, answers = (np.asarray(found) for found in self._functions[name](*arrays, *given))
        state = dict(zip(self.about.state, after, strict=True))
        return state, answers


def write(
    model: Model,
    path: str | os.PathLike,
    *,
    batch: int = 1,
    time: int | None = None,
    target: str = "llvm-cpu",
    cpu: Literal["generic", "host"] = "generic",
) -> Written:
    """Compiles a model to one archive, which is there completely and compared with the model, or not at all.

    It computes in float32; IREE has no tanh of float64 for CPUs.

    Args:
        model: a trained model.
        path: the file; an existing one is replaced. `.iree.zip` is a fitting ending.
        batch: how many series a step reads.
        time: how many steps a sequence has; None for steps only.
        target: the backend of IREE, "llvm-cpu" for native code, "vmvx" for code that IREE interprets anywhere; that
            one answers NaN where a feature is missing (IREE 3.13), so it is refused for models with a preparation.
        cpu: "generic" for any processor of this kind, "host" for this one, with all its instructions.

    Returns:
        The file, its length, and the largest difference from the model.

    Raises:
        ImportError: IREE is not installed.
        ValueError: a model that cannot be exported or that IREE does not compile, or answers other than those of the
            model.
    """
    check_choice("target", target, ("llvm-cpu", "vmvx"))
    check_choice("cpu", cpu, ("generic", "host"))
    batch, time = check_size("batch", batch), None if time is None else check_size("time", time)
    deployed = Deployed(model)
    versions = {"jax": jax.__version__, "iree": _version()}
    what = archive.about(deployed, {"batch": batch, "time": time}, (target, cpu), **versions)
    given, wanted = trial(deployed, max(STEPS, time or 0), batch)
    modules = {STEP: _compiled(deployed, lowered(deployed, "step", batch=batch), target, cpu)}
    if time is not None:
        module = lowered(deployed, "sequence", batch=batch, time=time)
        modules[SEQUENCE] = _compiled(deployed, module, target, cpu)
    said = {name: text for name, text in _MEMBERS.items() if name != SEQUENCE or time is not None}
    members = {
        archive.README: readme(what, _intro(what), said, LOAD.replace("DRIVER", repr(_DRIVER))),
        archive.PROGRAM: LOAD.replace("DRIVER", repr(_DRIVER)).encode(),
        archive.EXAMPLE: archive.example(given, wanted, batch),
        **modules,
    }
    with _files.replacing(path) as file:
        archive.write(file, KIND, what, members)
        loaded = _loaded(path, file)
        steps = replace(loaded, _functions={STEP: loaded._functions[STEP]})
        found = compare(deployed, steps, given, wanted, [(len(wanted), batch)])
        if time is not None:
            found = max(found, compare(deployed, loaded, given, wanted, [(time, batch)]))
        size = file.seek(0, os.SEEK_END)
    return Written(Path(path), size, found)


def load(path: str | os.PathLike) -> Loaded:
    """Reads what `write` wrote, to run it here. It is native code: read only what comes from whom you trust.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: IREE is not installed.
        ValueError: the file is damaged, of a later format, or not what `write` writes.
    """
    with Path(path).open("rb") as file:
        return _loaded(path, file)


def _intro(what: archive.About) -> str:
    target, cpu = what.made_for
    kind = "code for any CPU, which IREE interprets"
    if target == "llvm-cpu":
        kind = f"{platform.machine()} machine code for {'any CPU' if cpu == 'generic' else 'the CPU it was made on'}"
    time = "" if what.sizes["time"] is None else f" and sequences of {what.sizes['time']} steps"
    runtime = f"iree-base-runtime=={what.made_with['iree']}"
    return (
        f"A trained network as {kind}, for batches of {what.sizes['batch']}{time}, compiled by IREE. Its runtime runs "
        f"it: pip install {runtime}, and then python load.py ARCHIVE."
    )


def _version() -> str:
    try:
        return version("iree-base-compiler")
    except PackageNotFoundError as error:
        raise ImportError(_MISSING) from error


def _compiled(deployed: Deployed, module: jax.export.Exported, target: str, cpu: str) -> bytes:
    try:
        import iree.compiler as compiler
    except ImportError as error:
        raise ImportError(_MISSING) from error
    options = [f"--iree-llvmcpu-target-cpu={cpu}"] if target == "llvm-cpu" else []
    try:
        return compiler.compile_str(
            module.mlir_module(), target_backends=[target], input_type="stablehlo", extra_args=options
        )
    except compiler.CompilerToolError as error:
        reason = " ".join(str(error).split())[:300]
        raise ValueError(f"{described(deployed)} cannot be compiled by IREE: {reason}") from error


def _loaded(path: str | os.PathLike, file: BinaryIO) -> Loaded:
    try:
        import iree.runtime as runtime
    except ImportError as error:
        raise ImportError(_MISSING) from error
    must = [name for name in _MEMBERS if name not in (archive.DESCRIPTION, SEQUENCE)]
    about, members = archive.read(path, file, KIND, must, (SEQUENCE,))
    batch = about.sizes["batch"]
    if batch is None or batch < 1:
        raise ValueError(f"{path} must say which batch it was compiled for, got {batch}")
    functions = {}
    for name in (STEP, SEQUENCE):
        if name not in members:
            continue
        try:
            context = runtime.SystemContext(config=runtime.Config(_DRIVER))
            module = runtime.VmModule.copy_buffer(context.instance, members[name])
            context.add_vm_module(module)
            functions[name] = context.modules[module.name].main
        except Exception as error:  # the runtime raises RuntimeError, ValueError and KeyError
            reason = " ".join(str(error).split())[:300]
            raise ValueError(
                f"{path} cannot be loaded by this IREE, it was written with {about.made_with}: {reason}; "
                "export the model again"
            ) from error
    return Loaded(about, functions)
