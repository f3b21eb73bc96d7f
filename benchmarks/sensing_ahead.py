"""Would it be better to sense all time steps at once before the scan, instead of each within its step?

Sensing is what a step computes from its inputs alone. The choice is recorded in ARCHITECTURE.md, "Sensing is part of
the step"; this repeats the measurement, so that it can be made again on another machine.
Usage: python benchmarks/sensing_ahead.py [--rounds 15]
"""

from comparison import of, run
from setting import Setting

WIRED = Setting("LTC", 32, "AutoNCP", inputs=8, batch=64, time=64, what="train")
SETTINGS = (
    WIRED,
    WIRED.replace(units=64, wiring="FullyConnected", batch=32, time=256),
    Setting("CfC", 64, None, inputs=8, batch=64, time=64, what="train"),
)
COMPARISONS = tuple(of(setting, ("liquidjax", "liquidjax, sensing ahead")) for setting in SETTINGS)

if __name__ == "__main__":
    run("sensing_ahead", "Sensing before the scan or within it", COMPARISONS, __doc__)
