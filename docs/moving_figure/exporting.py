"""Writes what the moving figure loads of its trained networks: `python docs/moving_figure/exporting.py`.

Two modules as `liquidjax export --format javascript` makes them, compared with the models by Node, and the wiring of
the LTC, as the figure draws it. All of it is committed, so that the site is built without it.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import jax
import numpy as np

from liquidjax.analysis.parameters import count_parameters
from liquidjax.cells.ltc import LTC
from liquidjax.cells.wrappers.readout import Readout
from liquidjax.export import javascript
from liquidjax.export.c.cells.positive import positive
from liquidjax.training.model import Model, load

HERE = Path(__file__).parent
FOLDER = HERE.parent / "_static" / "moving_figure"
NETWORKS = ("ltc", "lstm")
DIGITS = 4
"""Of the numbers of synapses, of which colours are made."""
WIRING = "/* Of the networks, for the eye; written by docs/moving_figure/exporting.py, not to be edited. */\n\n"


def wiring(model: Model) -> dict[str, Any]:
    """Who is connected to whom and how, in JSON.

    A synapse is [source, target, sign of what it pulls to, weight, steepness, midpoint]; sources of sensory ones are
    inputs.
    """
    cell = model.cell
    assert isinstance(cell, Readout) and isinstance(cell.cell, LTC)
    ltc, params = cell.cell, jax.tree.map(np.asarray, model.params).cell
    graph = ltc.graph

    def synapses(drawn: Any, given: Any) -> list[list[float]]:
        weight = positive(given.weight, ltc.constraints)
        sign = np.sign(given.reversal_potential)  # which training may have turned
        columns = (drawn.source, drawn.target, sign, weight, given.steepness, given.midpoint)
        return [
            [int(s), int(t), int(p), *np.round(row, DIGITS).tolist()] for s, t, p, *row in zip(*columns, strict=True)
        ]

    mapping = params.input_mapping
    return {
        "inputs": list(model.features or ()),
        "layers": [[int(neuron) for neuron in layer] for layer in graph.layers],
        "roles": list(graph.roles),
        "sensory": synapses(graph.sensory_synapses, params.sensory_synapses),
        "synapses": synapses(graph.synapses, params.synapses),
        "parameters": {name: count_parameters(load(HERE / f"{name}.safetensors").cell) for name in NETWORKS},
        "mapping": [np.round(each, DIGITS).tolist() for each in (mapping.weight, mapping.bias)],
    }


def files() -> dict[str, str]:
    """The text of each file in the folder by its name."""
    made = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in NETWORKS:
            path = Path(folder) / f"{name}.js"
            javascript.write(load(HERE / f"{name}.safetensors"), path)
            made[path.name] = path.read_text()
    lines = (f"export const {name} = {json.dumps(v)};" for name, v in wiring(load(HERE / "ltc.safetensors")).items())
    return made | {"wiring.js": WIRING + "\n".join(lines) + "\n"}


def main() -> None:
    """Writes them."""
    for name, text in files().items():
        (FOLDER / name).write_text(text)
        print(f"{name}: {len(text):,} bytes")


if __name__ == "__main__":
    main()
