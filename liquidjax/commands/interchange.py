"""`liquidjax export` and `import`: models for other machines and languages, and out of them."""

from pathlib import Path
from typing import Literal

import tyro

from liquidjax._files import there_already
from liquidjax.analysis.parameters import count_parameters
from liquidjax.commands.words import count, quoted, warn_of_interruption
from liquidjax.experiments.shared.interruption import interruptible
from liquidjax.experiments.supervised import evaluate as supervised_evaluate
from liquidjax.export.formats import FORMATS, Format
from liquidjax.export.formats import write as write_export
from liquidjax.training.model import load
from liquidjax.training.ncps_file import read_ncps


def export(
    source: tyro.conf.Positional[Path],
    format: Format,
    file: Path | None = None,
    dtype: Literal["float32", "float64"] | None = None,
    name: str | None = None,
    batch: int | None = None,
    time: int | None = None,
) -> int:
    """Write the model of a run for other machines and languages; it is run there and compared before it is done.

    Example: liquidjax export runs/digits-20250101-120000 --format c

    Args:
        source: Folder that `train` has written, or the file of a model.
        format: An archive for JAX alone (stablehlo), native code (iree), ONNX (onnx), the parameters by name
            (safetensors), one C99 file that allocates nothing (c), or a
            module for browsers and Node (javascript).
        file: Where to write it, which must not be there yet; beside the model when left out.
        dtype: What it computes in, for stablehlo, onnx and c; that of the model when left out.
        name: What all names in the file begin with, for c; model when left out.
        batch: How many series it reads at once, for iree; 1 when left out. Others read any number, C one.
        time: How many steps a sequence has, for iree; when left out it knows steps only.
    """
    with interruptible(saves=False):
        model = supervised_evaluate.restore(source).model if source.is_dir() else load(source)
        if file is None:
            ending = FORMATS[format].ending
            file = source / f"model{ending}" if source.is_dir() else source.with_name(f"{source.stem}{ending}")
        options = {"dtype": dtype, "name": name, "batch": batch, "time": time}
        report = write_export(model, format, file, options, quoted(file))
    warn_of_interruption(source)
    print(f"{type(model.cell).__name__} as {format}: {quoted(report.file)}", *report.sentences, sep="\n")
    return 0


def import_(
    file: tyro.conf.Positional[Path],
    network: str | None = None,
    wiring: Literal["units", "masks"] = "units",
    model: Path | None = None,
) -> int:
    """Make a model of weights of ncps for PyTorch that stand in a .safetensors file.

    Example: liquidjax import weights.safetensors --network "LTC(4, AutoNCP(16, 2))"

    Args:
        file: The state_dict of the module, written by safetensors.torch.save_file.
        network: The call that made the module, as in ncps; not needed where the metadata of the file say it as
            `network`.
        wiring: Draw the wiring again as the call says and compare it (units), or take the synapses of an LTC from the
            masks in the file (masks).
        model: Where to write the model, which must not be there yet; named after the file when left out.
    """
    place = file.with_name(f"{file.stem}-model.safetensors") if model is None else model
    with interruptible(saves=False):
        if place.exists():
            raise there_already(place, "--model")
        read = read_ncps(file, network, wiring)
        read.save(place)
    print(f"{read.cell}\n{count(count_parameters(read.cell), 'parameter')}; the model is in {quoted(place)}")
    print(f"Next, in Python: lj.load({str(place)!r}); or liquidjax export {quoted(place)} --format c")
    return 0
