"""How near is the forward pass of an LTC to the tanh it cannot do without, and how near is a training step to it?

An LTC computes one tanh for each synapse, unfold, time step and sample, and one for each sensory synapse, time step and
sample. They are counted in the trace; the floor is as many of them in one elementwise operation, on one array of that
size, in place, on all cores and on one. An array that stays in the cache was not faster.
Usage: python benchmarks/tanh_floor.py [--rounds 15]
"""

from comparison import Comparison, Goal, run
from rounds import Entry
from setting import Setting

SETTING = Setting("LTC", 32, "AutoNCP", inputs=8, batch=256, time=64, what="forward")
TRAINING = "liquidjax, 2 devices, training step"
ENTRIES = (
    Entry("liquidjax, 2 devices", "liquidjax, 2 devices", SETTING),
    Entry(TRAINING, "liquidjax, 2 devices", SETTING.replace(what="train")),
    Entry("tanh floor", "tanh floor", SETTING),
    Entry("liquidjax, 1 core", "liquidjax", SETTING, cores=1),
    Entry("liquidjax, 1 core, training step", "liquidjax", SETTING.replace(what="train"), cores=1),
    Entry("tanh floor, 1 core", "tanh floor", SETTING, cores=1),
)
GOALS = (Goal("tanh floor", 2, "within"), Goal(TRAINING, 4, "costs"))

if __name__ == "__main__":
    run("tanh_floor", "The floor of tanh", (Comparison(SETTING, ENTRIES, GOALS),), __doc__)
