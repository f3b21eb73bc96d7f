"""Every way out by its name, with what can be chosen there: what the command line offers."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from liquidjax._checks import check_choice
from liquidjax._files import there_already
from liquidjax.training.model import Model
from liquidjax.training.precision import precision_of

Format = Literal["stablehlo", "iree", "onnx", "safetensors", "c", "javascript"]


class Way(NamedTuple):
    """module: with `write(model, path, **options)`; ending: of the file; options: that it has; use: the next step."""

    module: str
    ending: str
    options: tuple[str, ...]
    use: str


FORMATS: dict[str, Way] = {
    "stablehlo": Way(
        "liquidjax.export.stablehlo",
        ".stablehlo.zip",
        ("dtype",),
        "How it runs with JAX alone, without liquidjax, stands in it: unzip -p {file} README.txt",
    ),
    "iree": Way(
        "liquidjax.export.iree",
        ".iree.zip",
        ("batch", "time"),
        "How it runs with the runtime of IREE alone stands in it: unzip -p {file} README.txt",
    ),
    "onnx": Way(
        "liquidjax.export.onnx",
        ".onnx",
        ("dtype",),
        "What its inputs and outputs are stands in its metadata; any runtime of ONNX runs it",
    ),
    "safetensors": Way(
        "liquidjax.export.weights",
        ".weights.safetensors",
        (),
        "The arrays by name: safetensors.numpy.load_file({text}); the whole model: lj.load({text})",
    ),
    "c": Way(
        "liquidjax.export.c",
        ".c",
        ("dtype", "name"),
        "How it is called stands at its top; its own test: cc -D{macro}_SELFTEST {file} -lm && ./a.out",
    ),
    "javascript": Way(
        "liquidjax.export.javascript",
        ".js",
        (),
        "How it is called stands at its top: [state, outputs] = step(state, inputs, dt)",
    ),
}


class Report(NamedTuple):
    """file: what was written; sentences: about it, and what can be done with it."""

    file: Path
    sentences: tuple[str, ...]


def write(model: Model, format: Format, file: Path, options: Mapping[str, Any], shown: str) -> Report:
    """Writes a model in a format, which compares it first.

    Args:
        model: the model.
        format: one of `FORMATS`.
        file: the file, which is not there yet.
        options: by name; one that is None is left to the format, a dtype to the parameters of the model.
        shown: the file as a shell takes it.

    Raises:
        ImportError: a package that the format needs is not installed.
        FileExistsError: the file is there already.
        ValueError: an option of another format, or a model that the format cannot express.
    """
    check_choice("format", format, get_args(Format))
    way = FORMATS[format]
    given = {name: value for name, value in options.items() if value is not None}
    for name in given:
        if name not in way.options:
            others = ", ".join(other for other, each in FORMATS.items() if name in each.options)
            raise ValueError(f"--{name} is for {others}, and {format} has {_listed(way.options)}")
    if "dtype" in way.options:
        given.setdefault("dtype", precision_of(model.params))
    if format == "onnx":
        given["sequence"] = file.with_name(f"{file.stem}-sequence.onnx")
    for path in (file, given.get("sequence", file)):
        if path.exists():
            raise there_already(path, "--file")
    written = importlib.import_module(way.module).write(model, file, **given)
    return Report(file, (_known(format, written), way.use.format_map(_Words(shown, given))))


class _Words(dict):
    """What stands in the sentence about the next step."""

    def __init__(self, shown: str, given: Mapping[str, Any]):
        super().__init__(file=shown, text=repr(shown), macro=str(given.get("name", "model")).upper())


def _known(format: str, written: Any) -> str:
    """What is known of what was written."""
    if written.difference is None:
        missing = {"c": "C compiler here, so it was neither compiled", "javascript": "Node here, so it was neither run"}
        return f"{written.bytes:,} bytes; there is no {missing[format]} nor compared"
    size = f"{written.bytes:,} bytes"
    if format == "safetensors":
        return f"{size}; read back, and the same to the bit"
    if format == "onnx":
        size = f"{size} for a step, {written.sequence_bytes:,} for a sequence ({written.sequence})"
    facts = [f"the largest difference is {written.difference:.1g}"]
    if format == "c":
        facts.append(f"the state of a series has {written.state_bytes:,} bytes")
        if written.object_bytes is not None:
            facts.append(f"code and constants have {written.object_bytes:,} as compiled here with {written.compiler}")
        facts.append(f"a step takes {written.nanoseconds / 1000:.2g} microseconds here")
    if format == "javascript":
        facts.append(f"a step takes {written.microseconds:.2g} microseconds here with Node")
    return f"{size}; run and compared with the model: {', '.join(facts)}"


def _listed(options: tuple[str, ...]) -> str:
    return ", ".join(f"--{name}" for name in options) or "no options"
