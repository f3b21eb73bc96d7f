"""What was claimed of the cart-pole before this experiment, and what came of it."""

from collections.abc import Sequence

import numpy as np

from liquidjax.experiments.control.designs import named
from liquidjax.experiments.control.study import Pair
from liquidjax.experiments.shared.statistics import interquartile_mean, short, shown
from liquidjax.experiments.shared.tables import markdown

CONDITIONS = ("together 1", "lost 0.4")
"""Jitter, noise and 20 % of the frames lost; 40 % of the frames lost."""
CLAIMED: dict[str, tuple[tuple[float | None, float | None], tuple[float | None, float | None]]] = {
    "LTC-NCP": ((0.87, 0.92), (0.92, 0.91)),
    "HasaniLTC": ((0.49, 0.83), (0.60, 0.92)),
    "CT-RNN": ((0.01, 0.02), (None, None)),
    "CfC": ((0.05, 0.27), (None, None)),
    "LSTM with dt": ((0.24, 0.31), (0.56, 0.82)),
    "GRU": ((0.12, 0.11), (0.54, 0.89)),
}
"""Shares that survive ten seconds, of three seeds, in `CONDITIONS`; trained on clean frames, and on jittered ones.

The jitter and the noise of that experiment are not known here, nor its expert and its starts: what can be compared is
who is better than whom.
"""


def claims(pairs: Sequence[Pair]) -> str:
    """Claimed and found side by side, of the networks that are finished on the cart-pole; "" where there is none."""
    found = {pair.design: pair.survival["told"] for pair in pairs if pair.task == "cart-pole"}
    lines = []
    for network, claimed in CLAIMED.items():
        cells, there = [], False
        for faulty, numbers in zip((False, True), claimed, strict=True):
            told = found.get(named(network, faulty=faulty), {})
            for condition, number in zip(CONDITIONS, numbers, strict=True):
                there |= condition in told
                ours = shown(interquartile_mean([np.array(told[condition])])) if condition in told else ""
                cells += ["" if number is None else short(number), ours]
        if there:
            lines.append([network, *cells])
    if not lines:
        return ""
    header = ["network"]
    for trained in ("clean", "jitter"):
        for condition in ("all faults", "40 % lost"):
            header += [f"{trained}: {condition}, claimed", "found"]
    return (
        "## The claims\n\nShare that survives on the cart-pole, trained on clean frames and on jittered ones (here "
        "with 20 % lost, too); claimed as means of three seeds, found as interquartile means. *All faults*: jitter, "
        "noise and 20 % lost; how much jitter and noise the claims are about is not known.\n\n"
        + markdown(header, lines)
        + "\n"
    )
