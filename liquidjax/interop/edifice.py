"""The vocabulary of Edifice 0.2.0: its options, defaults and counts, for networks of our parts.

    from liquidjax.interop import edifice
    network = edifice.liquid(embed_dim=287, **edifice.recommended_defaults())

Every function refuses an option its source does not have, and names the nearest one. Its weights do not come along:
Edifice keeps them in the formats of Elixir.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import diffrax
import jax

from liquidjax._checks import check_choice, check_number, check_size
from liquidjax._types import Integrator
from liquidjax.analysis.parameters import count_parameters
from liquidjax.cells.gated import GatedLinear
from liquidjax.cells.wrappers.block import Block
from liquidjax.cells.wrappers.stack import Stack
from liquidjax.integrators import RK4, Diffrax, Euler, Exponential, Midpoint
from liquidjax.interop.edifice_dopri5 import EdificeController
from liquidjax.interop.foreign import check_names
from liquidjax.models.ode_net import ODENet

SOLVERS = ("exact", "euler", "midpoint", "rk4", "dopri5")
LIQUID = ("embed_dim", "hidden_size", "num_layers", "dropout", "window_size", "seq_len", "integration_steps", "solver")
"""The options of `Edifice.Liquid`, which all its functions take, whether or not they use them."""

P = ParamSpec("P")
R = TypeVar("R")


def _checked(function: Callable[P, R]) -> Callable[P, R]:
    """The same function, which first raises the ValueError for an option unknown, missing or out of range."""
    signature = inspect.signature(function)
    named = [name for name, parameter in signature.parameters.items() if parameter.kind != parameter.VAR_KEYWORD]
    known = named if len(named) == len(signature.parameters) else list(dict.fromkeys([*named, *LIQUID]))

    @functools.wraps(function)
    def checked(*args: P.args, **options: P.kwargs) -> R:
        check_names(function.__name__, options, known)
        try:
            given = signature.bind(*args, **options)
        except TypeError as error:
            raise ValueError(f"{function.__name__}: {error}; its options are {', '.join(known) or 'none'}") from None
        for name, value in (given.arguments | given.arguments.get("options", {})).items():
            if name != "options":
                _check(name, value)
        return function(*args, **options)

    return checked


def _check(name: str, value: Any) -> None:
    if name == "solver":
        check_choice(name, value, SOLVERS)
    elif name == "dropout":
        check_number(name, value, 0, 1)
    elif name == "network":
        if not callable(getattr(value, "init", None)):
            raise ValueError(f"network must be a network or cell with an init, got {value!r}")
    elif name == "step_size":
        check_number(name, value, 0, above=True)
    elif not (name in ("seq_len", "output_size") and value is None):
        check_size(name, value)


@_checked
def integrator(solver: str = "exact", integration_steps: int = 1) -> Integrator:
    """What Edifice's `solver` and `integration_steps` mean here, over one frame of length 1.

    Args:
        solver: "exact", "euler", "midpoint", "rk4" or "dopri5". "dopri5" is adaptive, with the steps, tolerances
            (absolute 1e-4, relative 1e-2), first step (0.25) and limit (100 steps) of the source; but each sample has
            steps of its own, there a batch shares them, and too few steps are an error, there an unfinished state. In
            the source a network with it cannot run.
        integration_steps: steps within a frame; "exact" and "dopri5" do not use it.

    Returns:
        The integrator.

    Raises:
        ValueError: an unknown solver (the source takes "exact" silently), or steps below 1.

    Example:
        >>> integrator("euler", 4)
        Euler(unfolds=4)
    """
    if solver == "exact":
        return Exponential()
    if solver == "dopri5":
        return Diffrax(diffrax.Dopri5(), EdificeController(rtol=1e-2, atol=1e-4), first_step=0.25, max_steps=100)
    return {"euler": Euler, "midpoint": Midpoint, "rk4": RK4}[solver](integration_steps)


@_checked
def liquid(
    embed_dim: int,
    hidden_size: int = 256,
    num_layers: int = 4,
    dropout: float = 0.1,
    integration_steps: int = 1,
    solver: str = "exact",
    window_size: int = 60,
    seq_len: int | None = None,
) -> Stack:
    """`Edifice.Liquid.build`: a stack of gated linear cells. `unroll(network, params, x)[1][-1]` is its output.

    Args:
        embed_dim: number of input features, projected to hidden_size where they differ.
        hidden_size: width.
        num_layers: number of layers.
        dropout: share of what a layer adds that is dropped, while `unroll` has a key.
        integration_steps: see `integrator`.
        solver: see `integrator`. The pages of the source call "rk4" the default; its code has "exact".
        window_size: not used: a stack runs over any number of frames.
        seq_len: not used either; in the source it fixes the number of frames and is window_size by default.

    Returns:
        The network, whose outputs are (*batch, hidden_size).

    Raises:
        ValueError: an option is unknown or missing, or a size out of range.

    Example:
        >>> network = liquid(embed_dim=287)
        >>> network.outputs, exact_param_count(network)
        (256, 1391104)
    """
    cell = GatedLinear(hidden_size, hidden_size, integrator(solver, integration_steps))
    return Stack(embed_dim, Block(cell, dropout), num_layers)


@_checked
def liquid_with_ffn(embed_dim: int, **options: Any) -> Stack:
    """`Edifice.Liquid.build_with_ffn`: the same with a SwiGLU layer, 4 times as wide inside, after each cell.

    Example:
        >>> exact_param_count(liquid_with_ffn(embed_dim=287))
        4548096
    """
    network = liquid(embed_dim, **options)
    block = network.cell
    assert isinstance(block, Block)
    return Stack(embed_dim, Block(block.cell, block.dropout, feed_forward=True), network.layers)


@_checked
def output_size(hidden_size: int = 256, **options: Any) -> int:
    """`Edifice.Liquid.output_size`: the number of outputs of `liquid`; its other options change nothing.

    Example:
        >>> output_size(**recommended_defaults())
        256
    """
    return hidden_size


@_checked
def param_count(embed_dim: int = 287, hidden_size: int = 256, num_layers: int = 4, **options: Any) -> int:
    """`Edifice.Liquid.param_count`: the source's approximation, without biases and norms; see `exact_param_count`.

    The other options of `liquid` change nothing.

    Example:
        >>> param_count()
        1384192
    """
    projection = 0 if embed_dim == hidden_size else embed_dim * hidden_size
    return projection + num_layers * 5 * hidden_size**2


@_checked
def exact_param_count(network: Stack | ODENet) -> int:
    """The number of parameters, counted from the network.

    Example:
        >>> exact_param_count(liquid(embed_dim=64, hidden_size=128, num_layers=2))
        173952
    """
    return count_parameters(network)


@_checked
def recommended_defaults() -> dict[str, Any]:
    """`Edifice.Liquid.recommended_defaults`, as options of `liquid`.

    RK4 with one step a frame is stable only while tau >= 0.36, and tau may fall to 0.1; "exact" has no such limit.
    """
    return {
        "hidden_size": 256,
        "num_layers": 4,
        "window_size": 60,
        "dropout": 0.1,
        "integration_steps": 1,
        "solver": "rk4",
    }


@_checked
def high_accuracy_defaults() -> dict[str, Any]:
    """`Edifice.Liquid.high_accuracy_defaults`: the same with the adaptive solver, which here runs."""
    return recommended_defaults() | {"solver": "dopri5"}


@_checked
def init_cache(
    batch_size: int = 1, hidden_size: int = 256, num_layers: int = 4, **options: Any
) -> tuple[jax.Array, ...]:
    """`Edifice.Liquid.init_cache`: the state before the first frame of a stream, zeros for each layer.

    The step function the source lacks is `liquidjax.step(network, params, cache, frame)`. The other options of `liquid`
    change nothing.

    Example:
        >>> [h.shape for h in init_cache(batch_size=2, hidden_size=8, num_layers=3)]
        [(2, 8), (2, 8), (2, 8)]
    """
    return liquid(hidden_size, hidden_size, num_layers).initial_state((batch_size,))


@_checked
def neural_ode(
    input_size: int,
    hidden_size: int = 256,
    num_steps: int = 10,
    step_size: float = 0.1,
    output_size: int | None = None,
) -> ODENet:
    """`Edifice.Energy.NeuralODE.build`, and `build_shared`, which is the same: Euler steps with shared weights.

    Args:
        input_size: number of input features.
        hidden_size: number of state variables.
        num_steps: Euler steps.
        step_size: duration of each.
        output_size: number of outputs; hidden_size, without a readout, when None.

    Returns:
        The network; `network.apply(params, x)` runs it. Other solvers, a field that reads the time, and constant
        memory are options of `ODENet`.

    Raises:
        ValueError: an option is unknown or missing, or a size out of range.

    Example:
        >>> exact_param_count(neural_ode(input_size=64, hidden_size=128, output_size=10))
        42890
    """
    outputs = hidden_size if output_size is None else output_size
    return ODENet(input_size, hidden_size, outputs, num_steps * step_size, Euler(num_steps))
