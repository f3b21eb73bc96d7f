"""Coarse to fine: most of a training with fewer unfolds of the solver, the end of it with all of them."""

import dataclasses
from dataclasses import dataclass

from liquidjax._checks import check_number, check_size, put, settle
from liquidjax._types import Cell, Integrator
from liquidjax.cells.ode import with_integrators
from liquidjax.integrators.fixed_step import FixedStep


@dataclass(frozen=True)
class Coarse:
    """The first epochs of a training with fewer unfolds: the parameters move on, the solver alone becomes finer.

    A step of an LTC takes about as long as its unfolds, and where it is going is seen with few of them. What few of
    them get wrong, most of all at other rates than that of the training, the last epochs with all of them put right.
    Parameters are always judged, validated and kept with all.

    Args:
        unfolds: of every integrator of fixed steps in the cell that has more.
        share: of the epochs that are coarse; those after them are as if there had been no such choice.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> import liquidjax as lj
        >>> cell = lj.Readout(lj.CTRNN(1, 3, lj.Exponential(6)), 2)
        >>> Coarse(unfolds=2).cell(cell).cell.integrator
        Exponential(unfolds=2)
        >>> Coarse(share=0.85).epochs(40)
        34

    Reference:
        Coarse to fine in time, as in Haber, Ruthotto et al., "Learning across scales - multiscale methods for
        convolution neural networks", AAAI 2018, where it is the layers of a network that are the steps of a solver.
    """

    unfolds: int = 2
    share: float = 0.85

    def __post_init__(self):
        settle(self, check_size, "unfolds")
        put(self, share=check_number("share", self.share, 0, 1))

    def cell(self, cell: Cell) -> Cell:
        """The coarse one; the cell itself where nothing in it has more unfolds."""
        return with_integrators(cell, self._fewer)

    def epochs(self, number: int) -> int:
        """How many of so many are coarse."""
        return round(self.share * number)

    def _fewer(self, integrator: Integrator) -> Integrator:
        if isinstance(integrator, FixedStep) and integrator.unfolds > self.unfolds:
            return dataclasses.replace(integrator, unfolds=self.unfolds)
        return integrator
