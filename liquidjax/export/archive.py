"""One file for an exported program: its members, a description in JSON, an example, and how to run it elsewhere.

The file is a zip of stored members under a checksum, see `liquidjax.training.stored_zip`. So whoever receives it needs
nothing of ours: any zip reader opens it, and the description and the example are JSON. A checksum finds damage, not
malice: the members must be those that are expected, with the digests that the description gives.
"""

import hashlib
import json
import os
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from importlib.metadata import version
from typing import Any, BinaryIO

import numpy as np

from liquidjax.export.comparison import TOLERANCE, Readings
from liquidjax.export.deployed import Deployed
from liquidjax.training.precision import computing
from liquidjax.training.stored_zip import StoredZip, shown, writing
from liquidjax.training.strict_json import parse

FORMAT = 1
"""Of an archive. One of a later format is refused, with the version that wrote it."""
DESCRIPTION, EXAMPLE, PROGRAM, README = "description.json", "example.json", "load.py", "README.txt"
_STEPS = 12  # of the example
_MOST_NAMED = 20  # in a text
_NUMBER = (int, float)
_KINDS: dict[str, Any] = {
    **{"cell": str, "features": [str], "answers": [str], "answers_are": str, "first_dt": _NUMBER, "gaps": bool},
    **{"dtype": str, "tolerance": _NUMBER, "state": {...: dict}, "sizes": {...: (int, type(None))}},
    **{"made_for": [str], "made_with": {...: str}, "notes": {...: str}},
}
"""Of the fields of `About` in JSON: a type, several, a list of one, or an object with values of one."""


@dataclass(frozen=True, eq=False)
class About:
    """What an archive says of its program.

    Args:
        cell: as Python shows it.
        features, answers: names of the numbers that a step reads and answers.
        answers_are: see `Deployed.kind`.
        first_dt: what stands for the time before the first step, in the unit of the times.
        gaps: whether a feature may be NaN where it was not observed.
        dtype: what is computed in.
        tolerance: how far the program may be from the model, see `comparison.difference`.
        state: before the first step, for each name without the axis of the batch.
        sizes: of "batch" and "time"; None for one that is open.
        made_for: the platforms.
        made_with: versions of packages by name.
        notes: those of the model.
    """

    cell: str
    features: tuple[str, ...]
    answers: tuple[str, ...]
    answers_are: str
    first_dt: float
    gaps: bool
    dtype: str
    tolerance: float
    state: Mapping[str, Any]
    sizes: Mapping[str, int | None]
    made_for: tuple[str, ...]
    made_with: Mapping[str, str]
    notes: Mapping[str, str]

    def initial_state(self, batch: int) -> dict[str, Any]:
        """The state before the first step of each series of a batch."""
        return {name: np.broadcast_to(leaf, (batch, *leaf.shape)) for name, leaf in self.state.items()}


def about(deployed: Deployed, sizes: Mapping[str, int | None], made_for: Iterable[str], **made_with: str) -> About:
    """The description of a program that was made of a model.

    Raises:
        ValueError: series of a batch begin in different states.
    """
    with computing(deployed.dtype):
        one, two = ({k: np.asarray(leaf) for k, leaf in deployed.initial_state(b).items()} for b in ((), (2,)))
    for name, leaf in one.items():
        if not np.array_equal(two[name], np.broadcast_to(leaf, (2, *leaf.shape))):
            raise ValueError(f"every series of a batch must begin in the same state to be exported, got another {name}")
    return About(
        cell=repr(deployed.cell),
        features=deployed.features,
        answers=deployed.answers,
        answers_are=deployed.kind,
        first_dt=deployed.first_dt,
        gaps=deployed.model.preparation is not None,
        dtype=deployed.dtype,
        tolerance=TOLERANCE[deployed.dtype],
        state=one,
        sizes=sizes,
        made_for=tuple(made_for),
        made_with=made_with,
        notes=deployed.model.notes,
    )


def write(file: BinaryIO, kind: str, what: About, members: Mapping[str, bytes]) -> None:
    """Writes an archive into an empty file.

    Args:
        file: open for writing and reading; see `_files.replacing`.
        kind: which format it is for, such as "stablehlo".
        what: its description.
        members: all but the description, by name.
    """
    said = {"format": FORMAT, "kind": kind, "liquidjax": version("liquidjax")}
    said |= {field.name: getattr(what, field.name) for field in fields(what)}
    said["state"] = {
        name: {"shape": leaf.shape, "dtype": str(leaf.dtype), "initial": leaf.tolist()}
        for name, leaf in what.state.items()
    }
    said["sha256"] = {name: hashlib.sha256(contents).hexdigest() for name, contents in members.items()}
    lines = (f"{json.dumps(name)}: {json.dumps(v, ensure_ascii=False, allow_nan=False)}" for name, v in said.items())
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    with writing(file) as archive:
        for name, contents in (*members.items(), (DESCRIPTION, text.encode())):
            archive.writestr(zipfile.ZipInfo(name), contents)


def read(
    path: str | os.PathLike, file: BinaryIO, kind: str, names: Iterable[str], may: Iterable[str] = ()
) -> tuple[About, dict[str, bytes]]:
    """The description and the members of an archive.

    Args:
        path: how messages call it.
        file: open for reading.
        kind: what was given to `write`.
        names: of the members that must be there beside the description.
        may: of those that may be there.

    Raises:
        ValueError: the file is damaged, of a later format, of another kind, or not what `write` writes.
    """
    archive = StoredZip(path, file, "export again")
    if DESCRIPTION not in archive.members:
        raise archive.foreign(f"it must hold {DESCRIPTION}")
    try:
        said = parse(archive.read(DESCRIPTION))
    except ValueError as error:
        raise archive.foreign(f"{DESCRIPTION} is no JSON, {error}") from error
    if not isinstance(said, dict):
        raise archive.foreign(f"{DESCRIPTION} must be an object of JSON")
    _check_format(path, said, kind)
    members = archive.members.keys() - {DESCRIPTION}
    if not {*names} <= members <= {*names, *may}:
        raise archive.foreign(f"it must hold {', '.join((DESCRIPTION, *names))}, got {_listed(archive.members)}")
    try:
        digests, what = said["sha256"], _about(said)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise archive.foreign(f"{DESCRIPTION} must say what `liquidjax export` says, {shown(str(error))}") from error
    contents = {name: archive.read(name) for name in archive.members if name != DESCRIPTION}
    if digests != {name: hashlib.sha256(found).hexdigest() for name, found in contents.items()}:
        raise archive.foreign(f"its members must have the digests that {DESCRIPTION} gives")
    return what, contents


def example(given: Readings, wanted: np.ndarray, series: int = 2) -> bytes:
    """Some readings with the answers of the model, for whoever receives the archive; null for a missing feature."""
    parts = {"features": given.features, "dt": given.dt, "answers": wanted}
    lists = {name: _plain(array[:_STEPS, :series].tolist()) for name, array in parts.items()}
    return json.dumps(lists, allow_nan=False).encode()


def _check_format(path: Any, said: dict[str, Any], kind: str) -> None:
    later, writer = said.get("format"), shown(str(said.get("liquidjax")))
    if type(later) is int and later > FORMAT:
        raise ValueError(
            f"{path} is of format {shown(str(later))}, and liquidjax {version('liquidjax')} reads format {FORMAT}; "
            f"install the liquidjax that wrote it, {writer}, or a later one"
        )
    if type(later) is not int or later != FORMAT:
        raise ValueError(f"{path} must be of format {FORMAT}, got {shown(str(later))}")
    if said.get("kind") != kind:
        raise ValueError(f"{path} must be an export to {kind}, got one to {shown(str(said.get('kind')))}")


def _about(said: dict[str, Any]) -> About:
    """The description out of JSON; whatever is not of its kind raises."""
    if said.keys() != {"format", "kind", "liquidjax", "sha256", *_KINDS}:
        raise ValueError(f"got {_listed(said)}")
    for name, kind in _KINDS.items():
        if not _is(said[name], kind):
            raise ValueError(f"{name} is of another kind")
    if said["dtype"] not in TOLERANCE or said["sizes"].keys() != {"batch", "time"}:
        raise ValueError("dtype and sizes must be those of a program")
    given: dict[str, Any] = {n: tuple(said[n]) if kind == [str] else said[n] for n, kind in _KINDS.items()}
    given["state"] = {name: _initial(name, leaf) for name, leaf in said["state"].items()}
    return About(**given)


def _is(value: Any, kind: Any) -> bool:
    """Whether a value out of JSON is of a kind of `_KINDS`."""
    if isinstance(kind, list):
        return isinstance(value, list) and all(_is(each, kind[0]) for each in value)
    if isinstance(kind, dict):
        return isinstance(value, dict) and all(_is(each, kind[...]) for each in value.values())
    return type(value) in (kind if isinstance(kind, tuple) else (kind,))


def _initial(name: str, leaf: dict[str, Any]) -> np.ndarray:
    dtype = np.dtype(leaf["dtype"])
    if dtype.kind not in "iufb":
        raise ValueError(f"the state {name} must be numbers")
    found = np.array(leaf["initial"], dtype)
    if list(found.shape) != leaf["shape"]:
        raise ValueError(f"the state {name} must have the shape that it says")
    return found


def _plain(values: Any) -> Any:
    """Nested lists with None in the place of NaN, which JSON has not."""
    if isinstance(values, list):
        return [_plain(value) for value in values]
    return None if values != values else values


def _listed(names: Iterable[str]) -> str:
    return ", ".join(shown(name) for name in sorted(names)[:_MOST_NAMED])
