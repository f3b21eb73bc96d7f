"""Whether a wiring fulfils what cells, plots and exports rely on."""

from typing import Any

import jax
import numpy as np

from liquidjax.cells.ltc import LTC
from liquidjax.testing.claims import check_value, claim


def check_wiring(wiring: Any, *, inputs: int = 3) -> None:
    """Checks that a cell can be built on a wiring, and that its graph is what it says.

    That it is a frozen dataclass which compares by value; that `graph(inputs)` gives the same synapses every time, with
    polarities -1, 0 and 1 in matrices of the right shapes and a role for each neuron; that its layers name each neuron
    once; that an `LTC` on it has one parameter of each kind for each synapse.

    Args:
        wiring: one of your own.
        inputs: number of input features to draw it for.

    Raises:
        AssertionError: one sentence about the first thing that is wrong.

    Example:
        >>> import liquidjax as lj
        >>> from liquidjax.testing import check_wiring
        >>> check_wiring(lj.AutoNCP(units=12, outputs=3))
    """
    name = type(wiring).__name__
    claim(not isinstance(wiring, type), f"the wiring must be an instance, got the class {name}")
    for member in ("units", "outputs", "graph"):
        claim(hasattr(wiring, member), f"{name} must have `{member}`; see liquidjax.Wiring")
    check_value(wiring, "wiring")
    units, outputs = wiring.units, wiring.outputs
    claim(1 <= outputs <= units, f"{name} must have 1 to {units} outputs, which are its first neurons, got {outputs}")
    graph, again = wiring.graph(inputs), wiring.graph(inputs)
    for what, shape in (("adjacency", (units, units)), ("sensory_adjacency", (inputs, units))):
        matrix = getattr(graph, what)
        claim(
            isinstance(matrix, np.ndarray) and matrix.shape == shape,
            f"{what} of {name}.graph({inputs}) must be an array of numpy {shape}, source by target, got "
            f"{np.shape(matrix)}",
        )
        claim(
            set(np.unique(matrix)) <= {-1, 0, 1},
            f"{what} of {name}.graph({inputs}) must hold polarities, -1, 0 and 1, got {np.unique(matrix)}",
        )
        claim(
            np.array_equal(matrix, getattr(again, what)),
            f"{name}.graph({inputs}) must draw the same {what} every time; draw from a generator of its own seed",
        )
    claim(len(graph.roles) == units, f"{name} must give each of its {units} neurons a role, got {len(graph.roles)}")
    places = sorted(np.concatenate([np.asarray(layer, int) for layer in graph.layers]).tolist())
    claim(places == list(range(units)), f"the layers of {name} must name each neuron once, got {places}")
    params = jax.eval_shape(LTC(inputs, wiring).init, jax.random.key(0))
    for synapses, matrix in ((params.synapses, graph.adjacency), (params.sensory_synapses, graph.sensory_adjacency)):
        count = int(np.count_nonzero(matrix))
        claim(
            synapses.weight.shape == (count,),
            f"an LTC on {name} must have one weight for each of {count} synapses, got {synapses.weight.shape}",
        )
