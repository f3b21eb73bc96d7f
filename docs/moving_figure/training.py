"""Trains the two networks of the moving figure, a few minutes: `python docs/moving_figure/training.py`.

As `liquidjax control configs/control.yaml` trains its designs LTC-NCP and LSTM with dt, but four times as long: 160
clean demonstrations of the cart-pole, 2000 steps of Adam, the learning rate of five with the lowest loss on clean
validation data. Then five seeds with that rate, the first wiring; kept is what imitates best on the same clean data.
After the 500 steps of the experiment, whose episodes end after 10 s, the LTC leaves the track after some 25 s.
"""

from pathlib import Path

import numpy as np

from liquidjax.analysis.parameters import count_parameters
from liquidjax.cells.wrappers.readout import Readout
from liquidjax.cpu import tune_cpu
from liquidjax.experiments.control.cartpole import CartPole
from liquidjax.experiments.control.config import ControlConfig
from liquidjax.experiments.control.demonstrations import dataset, demonstrate
from liquidjax.experiments.control.designs import DESIGNS
from liquidjax.experiments.control.faults import Faults
from liquidjax.experiments.control.study import lowest
from liquidjax.experiments.control.tasks import SEEDS
from liquidjax.experiments.shared.networks import FIRST_WIRING, network
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.training.fit import Fitted, fit
from liquidjax.training.model import Model
from liquidjax.training.objectives import Regression
from liquidjax.training.optimizer import Optimizer
from liquidjax.wirings import AutoNCP

HERE = Path(__file__).parent
NETWORKS = {"ltc": "LTC-NCP", "lstm": "LSTM with dt"}
"""Files, and the designs of the experiment whose networks they hold."""
CONFIG = ControlConfig()
"""Its settings are those of configs/control.yaml."""
STEPS = 4 * CONFIG.budget.steps


def demonstrations() -> tuple[SequenceDataset, SequenceDataset]:
    """What is learnt from, and what validates; both clean."""
    budget, plant = CONFIG.budget, CartPole()
    sizes = {"training": budget.series, "validation": budget.series // 4}
    made = (demonstrate(plant, size, budget.frames, Faults(), SEEDS[name]) for name, size in sizes.items())
    training, validation = (dataset(plant, each) for each in made)
    return training, validation


def network_of(design: str) -> Readout:
    """The network of a design, with as many parameters as the LTC-NCP of the first wiring."""
    wiring, known = AutoNCP(CONFIG.neurons, 1, seed=FIRST_WIRING), DESIGNS[design].network
    size = count_parameters(network("LTC-NCP", "dynamics", 2, 1, 0, wiring, CONFIG.unfolds))
    return network(known.cell, known.knows, 2, 1, size, wiring, CONFIG.unfolds)


def trained(design: str, training: SequenceDataset, validation: SequenceDataset) -> Model:
    """The best of five seeds with the best of five learning rates."""
    budget, cell = CONFIG.budget, network_of(design)
    batches = -(-len(training) // budget.batch_size)

    def side_by_side(order: int, seeds: list[int], rates: list[float]) -> Fitted:
        return fit(
            cell,
            Regression("step"),
            training,
            validation,
            optimizer=Optimizer(schedule="cosine"),
            epochs=round(STEPS / batches),
            batch_size=budget.batch_size,
            seed=order,
            members={"seed": seeds, "learning_rate": rates},
        )

    rates = list(budget.learning_rates)
    rate = rates[int(lowest(side_by_side(0, [0] * len(rates), rates)).argmin())]
    seeds = CONFIG.groups(design)[0].tolist()
    found = side_by_side(1, seeds, [rate] * len(seeds))
    losses = lowest(found)
    print(
        f"{design}: {count_parameters(cell)} parameters, rate {rate:g}, losses {np.round(losses, 5).tolist()}",
        flush=True,
    )
    return found.model(int(losses.argmin()))


def main() -> None:
    """Writes the two files."""
    tune_cpu()
    data = demonstrations()
    for file, design in NETWORKS.items():
        trained(design, *data).save(HERE / f"{file}.safetensors")


if __name__ == "__main__":
    main()
