"""liquidjax: liquid neural networks in JAX, as pure functions over explicit parameters."""

from importlib.metadata import version as _version

from liquidjax._types import Cell as Cell
from liquidjax._types import Integrator as Integrator
from liquidjax._types import ODECell as ODECell
from liquidjax.cells.cfc import CfC as CfC
from liquidjax.cells.ctrnn import CTRNN as CTRNN
from liquidjax.cells.gated import GatedLinear as GatedLinear
from liquidjax.cells.gru import GRU as GRU
from liquidjax.cells.hasani import HasaniLTC as HasaniLTC
from liquidjax.cells.hasani import euler_instability as euler_instability
from liquidjax.cells.lstm import LSTM as LSTM
from liquidjax.cells.ltc import LTC as LTC
from liquidjax.cells.ltc import InitialRanges as InitialRanges
from liquidjax.cells.ltc import project as project
from liquidjax.cells.mixed_memory import MixedMemory as MixedMemory
from liquidjax.cells.neural_ode import NeuralODE as NeuralODE
from liquidjax.cells.ode import equilibrium as equilibrium
from liquidjax.cells.ode import time_constant as time_constant
from liquidjax.cells.readout import Readout as Readout
from liquidjax.cells.wired_cfc import WiredCfC as WiredCfC
from liquidjax.integrators import RK4 as RK4
from liquidjax.integrators import Diffrax as Diffrax
from liquidjax.integrators import Euler as Euler
from liquidjax.integrators import Exponential as Exponential
from liquidjax.integrators import Midpoint as Midpoint
from liquidjax.integrators import SemiImplicit as SemiImplicit
from liquidjax.models.block import Block as Block
from liquidjax.models.ode_net import ODENet as ODENet
from liquidjax.models.stack import Stack as Stack
from liquidjax.sequences.gradients import BPTT as BPTT
from liquidjax.sequences.gradients import Remat as Remat
from liquidjax.sequences.solve import solve as solve
from liquidjax.sequences.unroll import step as step
from liquidjax.sequences.unroll import unroll as unroll
from liquidjax.sequences.validation import check_values as check_values
from liquidjax.sequences.validation import elapsed as elapsed
from liquidjax.wirings import NCP as NCP
from liquidjax.wirings import AutoNCP as AutoNCP
from liquidjax.wirings import Custom as Custom
from liquidjax.wirings import FullyConnected as FullyConnected
from liquidjax.wirings import Graph as Graph
from liquidjax.wirings import Random as Random
from liquidjax.wirings import Wiring as Wiring

__version__ = _version("liquidjax")
