"""Configurations, tables, data sets and model files of anybody's: each ends in a result, or in an error of the package.

`python mutated.py COUNT SEED` prints the trials, a line of JSON each, in bounded memory and time.
"""

import hashlib
import io
import json
import resource
import signal
import sys
import time
import traceback
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import yaml

import liquidjax as lj
from faults.mutations import structured
from faults.trial import Trial, short
from liquidjax.experiments.shared import configuration
from liquidjax.experiments.supervised import run as supervised_run
from liquidjax.experiments.supervised.config import SupervisedConfig
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.readers.arrays import write_npz
from liquidjax.tasks.readers.reader import read
from random_data import mutations
from tiny_series import as_csv, rows

OWN = (ValueError, FileNotFoundError, ImportError, FloatingPointError)
PACKAGE = str(Path(lj.__file__).parent)
SECONDS = 60
"""For one trial."""
MEMORY = 6 * 2**30
"""Bytes of addresses, above what the process has when it begins."""
CELLS = (
    *("GRU(units=1000000000)", "GRU(units=100000)", "LTC(wiring=FullyConnected(1000000))", "GRU(units=-3)", "GRU()"),
    *("LTC(wiring=AutoNCP(100000, 4))", "CfC(units=3, backbone_layers=1000000)", "GRU(units=3))", "eval('1')"),
    *("Stack(2, Block(GRU(2, 2)), layers=100000000)", "NeuralODE(units=3, hidden=10000000)", "GRU(units=1e3)"),
    *(
        "MixedMemory(" * 30 + "GRU(units=2)" + ")" * 30,
        "(" * 3000,
        "GRU(units=" + "9" * 5000 + ")",
        "LTC(wiring=NCP())",
    ),
    *("LTC(wiring=Random(300000, sparsity=0.5))", "GRU(units=3, dtype=os)", "HasaniLTC(units=100000000)", "\u0661"),
)
"""Calls that are no cells, or none for this machine."""


def own(error: BaseException) -> bool:
    """Whether an error is one that the package raises itself, in a sentence on one line.

    Of ValueError and the like the `raise` must stand in the package; that a file is not there, Python may say.
    """
    if not isinstance(error, OWN) or "\n" in str(error) or not str(error):
        return False
    if isinstance(error, FileNotFoundError):
        return True
    return traceback.extract_tb(error.__traceback__)[-1].filename.startswith(PACKAGE)


def tried(kind: str, place: str, work: Callable[[], Any]) -> Trial:
    """What comes of some work."""
    begun = time.monotonic()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            work()
        outcome, fine, said = "a result", True, ""
    except Warning as warning:
        outcome, fine, said = "A WARNING", False, repr(warning)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        fine = own(error)
        where = traceback.extract_tb(error.__traceback__)[-1]
        outcome = "an error of the package" if fine else f"{type(error).__name__} at {where.filename}:{where.lineno}"
        said = short(str(error))
    if time.monotonic() - begun > SECONDS:
        outcome, fine = f"took {time.monotonic() - begun:.0f} s", False
    return Trial(kind, place, outcome, fine, said)


def configs(place: Path, count: int, seed: int) -> Iterator[Trial]:
    """Settings, read and planned with their data: all that comes before the training."""
    generator = np.random.default_rng(seed)
    (place / "walks.csv").write_text(as_csv(rows()))
    source = {
        "source": str(place / "walks.csv"),
        "series": "who",
        "time": "when",
        "target": ["gait"],
        "group": "person",
    }
    data: dict[str, Any] = {"data": source, "model": {"cell": "GRU(units=3)", "compare": ["LSTM(units=2)", "GRU"]}}
    base = yaml.safe_load(configuration.to_yaml(configuration.build(SupervisedConfig, data)))
    file = place / "settings.yaml"

    def work() -> None:
        supervised_run.plan(configuration.read(file, SupervisedConfig))

    for number, changed in enumerate(structured(base, count, generator, CELLS)):
        if number % 3 == 0:
            changed = base | {"model": base["model"] | {"cell": CELLS[number // 3 % len(CELLS)]}}
        text = yaml.safe_dump(changed, allow_unicode=True, sort_keys=False).encode("utf-8", "surrogatepass")
        if number % 3 == 1:
            text = next(
                mutations(configuration.to_yaml(configuration.build(SupervisedConfig, data)).encode(), 1, number + seed)
            )
        if number % 20 == 4:
            text = _ODD[number // 20 % len(_ODD)]
        file.write_bytes(text)
        yield tried("configuration", short(text.decode(errors="replace"))[:80], work)


_LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40))
_ODD = (
    _LAUGHS.encode(),
    b"data: !!python/object/apply:os.system [exit]",
    b"\xef\xbb\xbfdata: {source: x.csv}\r\n",
    "data: {source: x.csv}".encode("utf-16"),
    b"[" * 50_000,
    b"data: {source: a.csv}\ndata: {source: b.csv}",
    b"data: {source: x.csv\0}",
    b"? [a]\n: b",
    b"<<: {data: {}}",
    b"training: {learning_rate: .inf, seed: 0x10, epochs: 1_0}",
    b"x" * 200_000,
)


def tables(place: Path, count: int, seed: int) -> Iterator[Trial]:
    """CSV files: rows and cells that are not what they should be."""
    generator = np.random.default_rng(seed)
    table = as_csv(rows(6))
    options = {"series": "who", "time": "when", "target": "gait", "group": "person"}
    options |= {"unsorted": "sort", "duplicates": "mean"}
    file = place / "walks.csv"
    cells = (
        "nan",
        "1e999",
        "-1e400",
        "0x10",
        "\u0661",
        "1_0",
        "inf",
        "",
        "2026-01-01",
        '"',
        '""',
        "9" * 400,
        "\0",
        "a\rb",
        "TRUE",
    )
    for number, content in enumerate(mutations(table.encode(), count, seed)):
        if number % 2:
            lines = [line.split(",") for line in table.splitlines()]
            for _ in range(int(generator.integers(1, 3))):
                line = lines[int(generator.integers(len(lines)))]
                line[int(generator.integers(len(line)))] = cells[int(generator.integers(len(cells)))]
            ends = ("\n", "\r\n", "\r", "\n\n")[int(generator.integers(4))]
            content = (b"", b"\xef\xbb\xbf")[int(generator.integers(2))] + ends.join(map(",".join, lines)).encode()
        file.write_bytes(content)
        yield tried("table (CSV)", f"number {number}", lambda: read(file, **options))


def parquets(place: Path, count: int, seed: int) -> Iterator[Trial]:
    """Parquet files: damaged, and of columns of all types."""
    import decimal

    import pyarrow
    import pyarrow.parquet

    file, n = place / "walks.parquet", 4
    columns = {
        "who": ["a", "a", "b", "b"],
        "when": [1.0, 2.0, 1.0, 2.0],
        "x": [1.0, None, 2.0, 0.5],
        "gait": ["u", "u", "v", "v"],
    }
    odd = [
        pyarrow.array([[1]] * n),
        pyarrow.array([{"a": 1}] * n),
        pyarrow.array([b"\xff"] * n),
        pyarrow.array([decimal.Decimal("1.5")] * n),
        pyarrow.array([2**63] * n, pyarrow.uint64()),
        pyarrow.nulls(n),
        pyarrow.array([True, None, False, True]),
        pyarrow.array([0, 1, 2, 3], pyarrow.timestamp("ns", "UTC")),
        pyarrow.array([0, 1, 2, 3], pyarrow.duration("s")),
        pyarrow.array([0, 1, 2, 3], pyarrow.time64("ns")),
        pyarrow.array([float("inf"), float("nan"), -0.0, 1e300]),
        pyarrow.array(["a", "\0", "", "\u202e"]).dictionary_encode(),
        pyarrow.array([float("1e-3")] * n, pyarrow.float16()),
        pyarrow.array([2**62, -(2**62), 0, 1]),
    ]
    pyarrow.parquet.write_table(pyarrow.table(columns), file)
    content, generator = file.read_bytes(), np.random.default_rng(seed)
    options = {"series": "who", "time": "when", "target": "gait", "unsorted": "sort", "duplicates": "mean"}
    for number, mutated in enumerate(mutations(content, count, seed)):
        if number % 2:
            name = ("who", "when", "x", "gait")[int(generator.integers(4))]
            pyarrow.parquet.write_table(pyarrow.table(columns | {name: odd[number // 2 % len(odd)]}), file)
        else:
            file.write_bytes(mutated)
        yield tried("table (Parquet)", f"number {number}", lambda: read(file, **options))


def series_files(place: Path, count: int, seed: int) -> Iterator[Trial]:
    """.ts files."""
    text = "@problemName x\n@univariate false\n@equalLength false\n@classLabel true a b\n@data\n"
    text += "1,-2.5:3e0,?:a\n4:5:b\n6:nan:?\n"
    file = place / "walks.ts"
    for number, content in enumerate(mutations(text.encode(), count, seed)):
        file.write_bytes(content)
        yield tried("series (.ts)", f"number {number}", lambda: read(file))


def array_files(place: Path, count: int, seed: int) -> Iterator[Trial]:
    """.npz data sets: damaged, with headers that lie, and bombs."""
    file = place / "walks.npz"
    data = SequenceDataset.of([np.ones((3, 2)), np.zeros((2, 2))], targets=[0, 1], classes=("a", "b"))
    write_npz(file, data)
    content = file.read_bytes()
    generator = np.random.default_rng(seed)
    shapes = (
        "(1000000000000,)",
        "(1000000, 1000000, 1000)",
        "(-1, 3, 2)",
        "(0, 3, 2)",
        "(9223372036854775807, 3, 2)",
        "()",
    )
    types = ("'|O'", "'<U1000000000'", "'<M8[s]'", "'<f16'", "'>f8'", "'|V8'", "[('a', '<f8')]", "'<f3'")
    for number, mutated in enumerate(mutations(content, count, seed)):
        if number % 3 == 1:
            shape, kind = shapes[int(generator.integers(len(shapes)))], "'<f8'"
            if generator.integers(2):
                shape, kind = "(2, 3, 2)", types[int(generator.integers(len(types)))]
            header = f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}"
            mutated = _zipped(_npy(header, bytes(96)))
        elif number % 30 == 2:
            zeros = bytes(1 << 28)
            mutated = _zipped(_npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 33554432, 1), }", zeros))
        file.write_bytes(mutated)
        yield tried("arrays (.npz)", f"number {number}", lambda: read(file))


def _npy(header: str, numbers: bytes) -> bytes:
    text = header.encode() + b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text + numbers


def _zipped(inputs: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inputs.npy", inputs)
    return buffer.getvalue()


def models(place: Path, count: int, seed: int) -> Iterator[Trial]:
    """Model files that say another thing under a right checksum, as anybody could write them."""
    cell = lj.LTC(inputs=2, wiring=lj.AutoNCP(6, 2))
    file = place / "model.safetensors"
    lj.Model(cell, cell.init(jax.random.key(0)), features=("x", "y"), notes={"config": "{}"}).save(file)
    content = file.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:end])
    said = json.loads(header["__metadata__"]["liquidjax"])
    del header["__metadata__"]
    generator = np.random.default_rng(seed)
    for number, changed in enumerate(structured({"arrays": header, "said": said}, count, generator)):
        metadata = {"sha256": "0" * 64, "liquidjax": json.dumps(changed.get("said"))}
        arrays = changed.get("arrays") if isinstance(changed.get("arrays"), dict) else {}
        encoded = json.dumps({"__metadata__": metadata, **arrays}).encode()
        whole = len(encoded).to_bytes(8, "little") + encoded + content[end:]
        file.write_bytes(whole.replace(b"0" * 64, hashlib.sha256(whole).hexdigest().encode(), 1))
        yield tried("forged model", f"number {number}", lambda: lj.load(file))


KINDS: dict[Callable[[Path, int, int], Iterator[Trial]], float] = {
    configs: 0.3,
    tables: 0.16,
    parquets: 0.1,
    series_files: 0.12,
    array_files: 0.12,
    models: 0.2,
}
"""Shares of all."""


def all_kinds(place: Path, count: int, seed: int) -> Iterator[Trial]:
    """So many trials of all kinds."""
    for kind, share in KINDS.items():
        yield from kind(place, round(share * count), seed)


def main() -> None:
    import tempfile

    count, seed = map(int, sys.argv[1:3])
    used = (
        int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() if sys.platform == "linux" else 0
    )
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.RLIM_INFINITY))
    for trial in all_kinds(Path(tempfile.mkdtemp()), count, seed):
        print(json.dumps(trial), flush=True)
        signal.alarm(3 * SECONDS)  # one that does not end ends all of them


if __name__ == "__main__":
    main()
