"""How a space of settings is searched: how many trials, by what they are measured, how they are drawn and ended."""

from dataclasses import dataclass
from typing import Literal

from liquidjax._bounds import check_seed
from liquidjax._checks import check_size
from liquidjax.experiments.shared.kinds import check_fields

Sampler = Literal["tpe", "random", "qmc", "grid", "cmaes", "gp"]
Pruner = Literal["median", "successive-halving", "hyperband", "none"]
Direction = Literal["minimize", "maximize"]
MOST_TRIALS = 1_000_000
MOST_SEEDS = 100


@dataclass(frozen=True)
class Sweep:
    """How a space of settings is searched."""

    trials: int = 50
    """Trials of the study, those of all workers together; 0 trains nothing and reports what is there."""
    seeds: int = 1
    """Seeds by which each trial is trained side by side, from that of the training on; their mean is its value."""
    metric: str | None = None
    """Validation score that is to be best: accuracy, mse, r2 or loss; the first that the objective has without."""
    direction: Direction | None = None
    """Which scores are better; needed for those of an objective of your own only."""
    sampler: Sampler = "tpe"
    """What draws the settings of a trial: tpe, random, qmc, grid, cmaes or gp, as in Optuna."""
    pruner: Pruner = "median"
    """What ends trials that are worse than others were: median, successive-halving, hyperband or none, as in Optuna."""
    sampler_seed: int = 0
    """Seed of the sampler; each trial is drawn by this and its number, whoever draws it."""

    def __post_init__(self):
        check_fields(self)
        check_size("trials", self.trials, 0, MOST_TRIALS)
        check_size("seeds", self.seeds, 1, MOST_SEEDS)
        check_seed("sampler_seed", self.sampler_seed)
