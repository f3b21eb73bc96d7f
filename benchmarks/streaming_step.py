"""How long does one step of a stream take, batch 1, with the state carried from step to step?

Ours is jitted with a donated state, once by hand and once as `lj.Stream`, which reads arrays of numpy; torch runs its
cell under no_grad. Otherwise input and output stay in the arrays of each.
Usage: python benchmarks/streaming_step.py [--rounds 15]
"""

from comparison import Goal, of, run
from setting import Setting

CFC = Setting("CfC", 64, None, inputs=8, batch=1, time=1, what="stream")
LTC = CFC.replace(model="LTC", units=32, wiring="AutoNCP")
CONTENDERS = ("liquidjax", "liquidjax Stream", "liquidjax, not tuned", "ncps torch", "ncps torch.compile")
COMPARISONS = (of(CFC, CONTENDERS, (Goal("ncps torch", 4),)), of(LTC, CONTENDERS, (Goal("ncps torch", 10),)))

if __name__ == "__main__":
    run("streaming_step", "One step of a stream", COMPARISONS, __doc__)
