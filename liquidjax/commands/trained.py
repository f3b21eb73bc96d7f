"""`liquidjax evaluate`, `predict` and `runs`: what there is of the runs of `train`."""

import sys
from pathlib import Path

import tyro

from liquidjax.commands.kinds import KINDS
from liquidjax.commands.words import count, quoted, warn_of_interruption
from liquidjax.experiments.shared.interruption import interruptible
from liquidjax.experiments.supervised import evaluate as supervised_evaluate
from liquidjax.experiments.supervised import report as supervised_report
from liquidjax.experiments.supervised import runs as supervised_runs
from liquidjax.experiments.supervised.config import SupervisedConfig
from liquidjax.experiments.supervised.tables import write_predictions


def evaluate(run: tyro.conf.Positional[Path]) -> int:
    """Measure the model of a run on its test data again, beside models without a network.

    Example: liquidjax evaluate runs/digits-20250101-120000

    Args:
        run: Folder that `train` has written.
    """
    with interruptible(saves=False):
        result = supervised_evaluate.evaluate(run)
    warn_of_interruption(run)
    print(f"{count(result.series, 'test series', 'test series')}\n")
    print(supervised_report.scores(result.scores, result.baselines))
    if sentence := supervised_report.samplings(result.config.shift, result.config.inputs.fill):
        print(f"\n{sentence}")
    same = supervised_evaluate.same(result.scores, result.recorded)
    print(f"\nthe same as training recorded: {'yes' if same else f'NO, it recorded {result.recorded}'}")
    if result.confusion is not None and len(result.confusion) <= supervised_report.MOST_CLASSES:
        print("\nConfusion matrix: how many of each class, by the class that was named")
        print(supervised_report.confusion_matrix(result.confusion, result.classes or ()))
    return 0


def predict(run: tyro.conf.Positional[Path], file: tyro.conf.Positional[str]) -> int:
    """Let the model of a run read other series; prints CSV.

    Example: liquidjax predict runs/digits-20250101-120000 runs/digits-20250101-120000/sample.csv

    Args:
        run: Folder that `train` has written.
        file: Series in any format that can be trained on. A table has the columns that the run was told, or `series`
            and `time`; what is to be learnt may be missing.
    """
    with interruptible(saves=False):
        found = supervised_evaluate.answer(run, file)
    warn_of_interruption(run)
    write_predictions(sys.stdout, *found)
    return 0


def runs(folder: tyro.conf.Positional[Path] = Path("runs"), picture: Path | None = None) -> int:
    """List the runs in a folder: their data, their first network and its scores.

    Example: liquidjax runs --picture curves.png

    Args:
        folder: Where the runs are, or one of them.
        picture: Where to draw their curves in one figure; nothing is drawn when left out.
    """
    others = {name: kind for name, kind in KINDS.items() if kind is not SupervisedConfig}
    with interruptible(saves=False):
        found = supervised_runs.find(folder, others)
        curves = supervised_runs.histories(found)
        if picture is not None and not curves:
            raise ValueError(f"{folder} must hold a run with an epoch to draw, and holds none")
        print(supervised_runs.table(found) if found else f"There are no runs in {quoted(folder)}")
        if picture is not None:
            from liquidjax.experiments.supervised import figures  # with matplotlib

            figures.curves(curves).savefig(picture)
            print(f"\nThe curves are in {quoted(picture)}")
    return 0
