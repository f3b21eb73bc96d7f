"""How long does a training step of a CfC take, beside ncps on torch? With a backbone, and wired without one.

The wired CfC of ncps masks two of its four heads, and only between layers; that network is compared. Ours, masked by
its wiring throughout, takes part as well. The inside of a CfC's step is small matrix products, dear to compute again
and cheap to keep, so that BPTT is the gradient to choose for speed; `Remat`, the default, needs less memory.
Usage: python benchmarks/cfc_training_step.py [--rounds 15]
"""

from comparison import Goal, of, run
from setting import Setting

BACKBONE = Setting("CfC", 64, None, inputs=8, batch=64, time=64, what="train")
WIRED = BACKBONE.replace(units=32, wiring="AutoNCP")
COMPARISONS = (
    of(
        BACKBONE,
        (
            "liquidjax, BPTT",
            "liquidjax",
            "liquidjax, not tuned",
            "ncps torch",
            "ncps torch.compile",
            "flax LSTM",
            "torch LSTM",
        ),
        (Goal("ncps torch", 2.5),),
    ),
    of(
        WIRED,
        (
            "liquidjax, BPTT",
            "liquidjax",
            "liquidjax, not tuned",
            "liquidjax, wiring obeyed",
            "ncps torch",
            "ncps torch.compile",
        ),
        (Goal("ncps torch", 5),),
    ),
)

if __name__ == "__main__":
    run("cfc_training_step", "One training step of a CfC", COMPARISONS, __doc__)
