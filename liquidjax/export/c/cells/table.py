"""Which cell is said in C by whom."""

from typing import Any

from liquidjax._types import Cell, Params
from liquidjax.cells.cfc import CfC
from liquidjax.cells.ctrnn import CTRNN
from liquidjax.cells.euler_gru import EulerGRU
from liquidjax.cells.gated import GatedLinear
from liquidjax.cells.gru import GRU
from liquidjax.cells.grud import GRUD
from liquidjax.cells.hasani import HasaniLTC
from liquidjax.cells.leaky import LeakyIntegrator
from liquidjax.cells.lstm import LSTM
from liquidjax.cells.ltc import LTC
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
from liquidjax.export.c.cells import (
    cfc,
    ctrnn,
    euler_gru,
    gated,
    gru,
    grud,
    hasani,
    leaky,
    lstm,
    ltc,
    ncp,
    neural_ode,
    tlstm,
    velora,
    wired_cfc,
    wrappers,
)
from liquidjax.export.c.program import Program
from liquidjax.models.ncp import LiquidNCPNetwork, LiquidNCPStack

EMITTERS: dict[type, Any] = {
    LTC: ltc.emit,
    HasaniLTC: hasani.emit,
    CfC: cfc.emit,
    WiredCfC: wired_cfc.emit,
    GatedLinear: gated.emit,
    CTRNN: ctrnn.emit,
    NeuralODE: neural_ode.emit,
    LSTM: lstm.emit,
    GRU: gru.emit,
    GRUD: grud.emit,
    TLSTM: tlstm.emit,
    EulerGRU: euler_gru.emit,
    LeakyIntegrator: leaky.emit,
    NCPLiquidCell: velora.emit,
    LiquidNCPNetwork: ncp.emit_network,
    LiquidNCPStack: ncp.emit_stack,
    Readout: wrappers.emit_readout,
    Block: wrappers.emit_block,
    Stack: wrappers.emit_stack,
    MixedMemory: wrappers.emit_mixed_memory,
    WithTime: wrappers.emit_with_time,
}


def emit(program: Program, place: str, cell: Cell, params: Params) -> None:
    """Adds the step of a cell, see `Program`.

    Raises:
        ValueError: a cell that cannot be said in C, with the reason.
    """
    emitter = EMITTERS.get(type(cell))  # of a class that inherits from one of them nobody knows what it does
    if emitter is None:
        if isinstance(cell, StepLoss):
            reason = "it answers with a loss, for training; export the cell inside it"
        elif isinstance(cell, MixedPrecision):
            reason = f"{program.language} has no bfloat16; export the cell inside it, which has the same parameters"
        else:
            reason = f"what it does is known in Python only; {', '.join(known.__name__ for known in EMITTERS)} can"
        raise ValueError(f"{type(cell).__name__} cannot be exported to {program.language}: {reason}")
    emitter(program, place, cell, params)
