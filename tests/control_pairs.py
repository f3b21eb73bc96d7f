"""Pairs of the control experiment that are made up."""

import numpy as np

from liquidjax.experiments.control.config import ControlConfig, Grid
from liquidjax.experiments.control.designs import DESIGNS, ENGINEERS
from liquidjax.experiments.control.study import Pair

GRID = Grid(rates=(0.5, 2.0), delay=(1,), jitter=(0.6,), noise=(0.3,), lost=(0.4,))
NAMES = ("LTC-NCP", "LSTM with dt", "CfC", "GRU", "Kalman + CfC", "LTC-NCP (faults)", "LSTM with dt (faults)")
CONFIG = ControlConfig(tasks=("cart-pole", "swimmer"), designs=NAMES, grid=GRID, mujoco_grid=GRID)


def pair(task: str, design: str, level: float, error: float = 0.1, activity: float = 0.2) -> Pair:
    """A network that survives about so much, or an engineer that does exactly that; costs are 1 less what survives."""
    known = DESIGNS.get(design)
    runs = 4 if known else 1
    rng = np.random.default_rng(len(design))

    def numbers() -> list[float]:
        return (level - rng.uniform(0, 0.05 if known else 0, runs)).round(3).tolist()

    told = {name: numbers() for name in GRID.faults()}
    survival = {"told": told if task == "cart-pole" else {name: [1.0] * runs for name in told}}
    cost = {"told": {name: [1 - value for value in each] for name, each in told.items()}}
    if known and known.network.euler:
        survival["euler"], cost["euler"] = survival["told"], cost["told"]
    if known and task == "cart-pole":
        timed = {name: each for name, each in told.items() if not name.startswith(("clean", "noise", "delay"))}
        if known.network.knows != "nothing" and not known.front:
            survival["not told"], cost["not told"] = timed, timed
        if not known.front and not known.faulty:
            survival["calmed"], cost["calmed"] = told, cost["told"]
    size = (1000, 0.01, 0.1 if known.front else None) if known else (0, None, None)
    imitation = (error + rng.uniform(0, 0.01, runs)).round(4).tolist() if known else []
    moving = (activity + rng.uniform(0, 0.01, runs)).round(4).tolist()
    return Pair(task, design, *size, imitation, survival, cost, moving, 1.0)


LEVELS = dict(zip(ENGINEERS, (0.0, 1.0, 0.9), strict=True))
PAIRS = [pair(task, name, level) for task in CONFIG.tasks for name, level in LEVELS.items()]
PAIRS += [
    pair(task, name, 0.95 - 0.1 * number, 0.1 * (1 + number), 0.5 - 0.05 * number)
    for number, name in enumerate(NAMES)
    for task in CONFIG.tasks
    if not DESIGNS[name].front or task in CONFIG.filtered
]
