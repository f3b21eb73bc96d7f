"""How fast does an LTC run over one long sequence, beside ncps on torch? Batch 1, 1024 steps, no gradient.

Usage: python benchmarks/ltc_long_sequence.py [--rounds 15]
"""

from comparison import Goal, of, run
from setting import Setting

SETTING = Setting("LTC", 64, "AutoNCP", inputs=16, batch=1, time=1024, what="forward")
CONTENDERS = ("liquidjax", "liquidjax, not tuned", "ncps torch", "ncps torch.compile")
COMPARISONS = (of(SETTING, CONTENDERS, (Goal("ncps torch", 15),)),)

if __name__ == "__main__":
    run("ltc_long_sequence", "One long sequence through an LTC", COMPARISONS, __doc__)
