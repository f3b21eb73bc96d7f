"""What a run says: the comparison, the scores of one model, and its confusion matrix."""

from collections.abc import Mapping, Sequence

import numpy as np

from liquidjax.experiments.shared.tables import plain
from liquidjax.experiments.supervised.ensemble import Member, Scores, named
from liquidjax.experiments.supervised.run import Row
from liquidjax.experiments.supervised.shifted import Shift
from liquidjax.tasks.preparation import Fill

SHOWN = {"accuracy": "accuracy", "mse": "MSE", "r2": "R2", "auroc": "AUROC", "auprc": "AUPRC"}
"""Names of scores as tables say them."""
MOST_CLASSES = 30
"""Of a confusion matrix that is shown."""


def table(rows: Sequence[Row]) -> str:
    """The comparison as plain text; below a network its members, if there are some, and their mean and spread.

    Example:
        >>> print(table([Row("LTC", 3022, {"accuracy": 0.97}, {"accuracy": 0.9612}, 5.04)]))
        network  parameters  validation accuracy  test accuracy  training
        LTC           3,022                0.970          0.961     5.0 s
        >>> row = Row("LTC", 3022, {"mse": 0.1}, {"mse": 0.2, "mse, lost 0.5": 0.3}, 5.0)
        >>> print(table([row]).splitlines()[0])
        network  parameters  validation MSE  test MSE  MSE, lost 0.5  training
    """
    first = rows[0]
    # Scores at other samplings are of the test data only.
    columns = [(part, name) for name in first.test for part in ("validation", "test") if name in getattr(first, part)]
    titles = [f"{part} {called(name)}" if name in first.validation else called(name) for part, name in columns]

    def line(name: str, of: Row | Member | Scores, parameters: str = "", seconds: str = "") -> list[str]:
        scores = [(getattr(of, part), key) for part, key in columns]
        return [name, parameters, *(figure(found[key]) if key in found else "" for found, key in scores), seconds]

    lines = []
    for row in rows:
        lines.append(line(row.name, row, f"{row.parameters:,}", f"{row.seconds:.1f} s"))
        if row.ensemble is not None:
            _, members, mean, spread = row.ensemble
            lines += [line(f"{row.name}, {named(member.settings)}", member) for member in members]
            lines.append(line(f"{row.name}, mean of {row.ensemble.finite}", mean))
            lines.append(line(f"{row.name}, spread of {row.ensemble.finite}", spread))
    return plain(["network", "parameters", *titles, "training"], lines)


def members(rows: Sequence[Row]) -> str:
    """Which members stand for their networks, in a sentence; "" where there are none.

    Example:
        >>> from liquidjax.experiments.supervised.ensemble import Ensemble
        >>> ensemble = Ensemble(0, [Member({"seed": 4}, 0.1, {}, {})], Scores({}, {}), Scores({}, {}))
        >>> members([Row("LTC", 9, {}, {}, 1.0, ensemble)])
        'The best member by validation loss stands for its network: LTC with seed 4; the model is that of LTC.'
    """
    best = [
        f"{row.name} with {named(row.ensemble.members[row.ensemble.best].settings)}" for row in rows if row.ensemble
    ]
    if not best:
        return ""
    return (
        f"The best member by validation loss stands for its network: {'; '.join(best)}; the model is that of "
        f"{rows[0].name}."
    )


def scores(of_model: Mapping[str, float], of_others: Mapping[str, Mapping[str, float]]) -> str:
    """The scores of a model, beside those of the baselines.

    Example:
        >>> print(scores({"mse": 0.01, "r2": 0.9}, {"persistence": {"mse": 0.02, "r2": 0.8}}))
                     MSE     R2
        model        0.0100  0.900
        persistence  0.0200  0.800
    """
    lines = [
        [name, *(figure(found[key]) if key in found else "" for key in of_model)]
        for name, found in (("model", of_model), *of_others.items())
    ]
    return plain(["", *map(called, of_model)], lines, align="l" * (len(of_model) + 1))


def confusion_matrix(confusion: np.ndarray, classes: Sequence[str]) -> str:
    """How often each class was named for the series, or the steps, of each, as plain text.

    Args:
        confusion: (classes, classes), by true class (row) and named class (column).
        classes: their names.

    Example:
        >>> print(confusion_matrix(np.array([[3, 1], [0, 4]]), ("rest", "walk")))
        class  number  recall  rest  walk
         rest       4   0.750     3     1
         walk       4   1.000     .     4
    """
    header = ["class", "number", "recall", *classes]
    lines = [
        [name, str(row.sum()), f"{row[i] / max(1, row.sum()):.3f}", *(str(count or ".") for count in row.tolist())]
        for i, (name, row) in enumerate(zip(classes, confusion, strict=True))
    ]
    return plain(header, lines, align="r")


def samplings(shift: Shift, fill: Fill) -> str:
    """What the columns of other samplings say, a line for each and two for all; "" where there are none.

    Example:
        >>> print(samplings(Shift(rate=2), "carry"))
        rate 2: the test series again at 2 times their rate, what is between two steps on the line through them
        Networks are told the times of the steps that are there, at which an LSTM or a GRU by itself does not look.
        For models without a network nothing changes.
    """
    if not shift.asks:
        return ""
    found = []
    if shift.lost is not None:
        found.append(f"lost {shift.lost:g}: the test series again with {100 * shift.lost:g} % of their steps lost")
    if shift.rate is not None:
        between = ", what is between two steps on the line through them" if shift.rate > 1 else ""
        found.append(f"rate {shift.rate:g}: the test series again at {shift.rate:g} times their rate{between}")
    told = "Networks are told the times of the steps that are there, at which an LSTM or a GRU by itself does not look."
    stands = "the last step that came" if fill == "carry" else "the mean"
    gone = shift.lost is not None or (shift.rate is not None and shift.rate < 1)
    others = f"{stands} stands for what is gone" if gone else "nothing changes"
    return "\n".join([*found, told, f"For models without a network {others}."])


def called(name: str) -> str:
    """A score as tables say it.

    Example:
        >>> called("mse"), called("accuracy, lost 0.5"), called("my own")
        ('MSE', 'accuracy, lost 0.5', 'my own')
    """
    score, comma, sampling = name.partition(", ")
    return f"{SHOWN.get(score, score)}{comma}{sampling}"


def figure(value: float) -> str:
    """A score with three decimals, or three digits where it is small."""
    return f"{value:.3f}" if abs(value) >= 0.1 or not value else f"{value:.3g}" if abs(value) < 0.01 else f"{value:.4f}"
