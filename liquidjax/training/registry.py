"""The classes that may be built by a name that stands in a file: these, and no others.

A file cannot import anything: its names are looked up here, and among what the user hands over.
"""

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from liquidjax.cells.cfc import CfC
from liquidjax.cells.ctrnn import CTRNN
from liquidjax.cells.euler_gru import EulerGRU
from liquidjax.cells.gated import GatedLinear
from liquidjax.cells.gru import GRU
from liquidjax.cells.grud import GRUD
from liquidjax.cells.hasani import HasaniLTC
from liquidjax.cells.leaky import LeakyIntegrator
from liquidjax.cells.lstm import LSTM
from liquidjax.cells.ltc import LTC, InitialRanges
from liquidjax.cells.neural_ode import NeuralODE
from liquidjax.cells.tlstm import TLSTM
from liquidjax.cells.velora import NCPLiquidCell
from liquidjax.cells.wired_cfc import WiredCfC
from liquidjax.cells.wrappers.block import Block
from liquidjax.cells.wrappers.mixed_memory import MixedMemory
from liquidjax.cells.wrappers.mixed_precision import MixedPrecision
from liquidjax.cells.wrappers.readout import Readout
from liquidjax.cells.wrappers.stack import Stack
from liquidjax.cells.wrappers.step_loss import StepLoss
from liquidjax.cells.wrappers.with_time import WithTime
from liquidjax.integrators import RK4, Diffrax, Euler, Exponential, Midpoint, SemiImplicit
from liquidjax.layers.sparse import SparseLinear
from liquidjax.models.bidirectional import Bidirectional
from liquidjax.models.ncp import LiquidNCPNetwork, LiquidNCPStack, NCPNetwork
from liquidjax.models.ode_net import ODENet
from liquidjax.models.vision import CNN, ConvolutionalHead
from liquidjax.tasks.preparation import Preparation
from liquidjax.training.objectives import Classification, Event, Forecast, Regression
from liquidjax.wirings import NCP, AutoNCP, Custom, FullyConnected, Layered, Random
from liquidjax.wirings.layered import LayerMasks

OURS: tuple[type, ...] = (
    *(LTC, InitialRanges, HasaniLTC, GatedLinear, CTRNN, NeuralODE, CfC, WiredCfC, LSTM, GRU, NCPLiquidCell),
    *(EulerGRU, GRUD, TLSTM, LeakyIntegrator),
    *(Block, MixedMemory, MixedPrecision, Readout, Stack, StepLoss, WithTime),
    *(SemiImplicit, Exponential, Euler, Midpoint, RK4, Diffrax),
    *(NCP, AutoNCP, Random, FullyConnected, Layered, LayerMasks, Custom),
    *(SparseLinear, LiquidNCPNetwork, LiquidNCPStack, NCPNetwork, ODENet, CNN, ConvolutionalHead, Bidirectional),
    Preparation,
    *(Classification, Event, Regression, Forecast),
)
"""They check what they are given themselves."""
# What `lj.Diffrax` can run and can be described: not the solvers of stochastic and split equations.
_OF_DIFFRAX = (
    *("Bosh3", "Dopri5", "Dopri8", "Euler", "HalfSolver", "Heun", "ImplicitEuler", "Kvaerno3", "Kvaerno4", "Kvaerno5"),
    *("LeapfrogMidpoint", "Midpoint", "Ralston", "ReversibleHeun", "Tsit5", "VeryChord"),
    *("ClipStepSizeController", "ConstantStepSize", "PIDController", "StepTo"),
    *("BacksolveAdjoint", "DirectAdjoint", "ForwardMode", "RecursiveCheckpointAdjoint"),
)


@functools.cache
def of_diffrax() -> tuple[type, ...]:
    """They take anything, so that what they are given must be compared with their type hints."""
    import diffrax

    return tuple(getattr(diffrax, name) for name in _OF_DIFFRAX)


@functools.cache
def known_classes() -> Mapping[str, Any]:
    """By its names each. A class of ours goes by its own name, by the one after `liquidjax.`, and by that of the module
    it stands in: so a file outlives it when a class is made public."""
    names: dict[str, Any] = {f"diffrax.{cls.__name__}": cls for cls in of_diffrax()}
    for cls in OURS:
        names |= dict.fromkeys((cls.__name__, f"liquidjax.{cls.__name__}", f"{cls.__module__}.{cls.__name__}"), cls)
    return MappingProxyType(names)
