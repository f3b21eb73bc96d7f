"""How long does a training step of an LTC take, and how much memory, beside ncps on torch and keras?

The same wiring, weights, data and loss: mean of the squared outputs. LSTMs with as many units take part for scale.
torch computes on both cores; so does JAX when the batch is divided between two devices, which is compared first.
Usage: python benchmarks/ltc_training_step.py [--rounds 15]
"""

from comparison import Goal, of, run
from setting import Setting

WIRED = Setting("LTC", 32, "AutoNCP", inputs=8, batch=64, time=64, what="train")
LARGER = WIRED.replace(units=64, inputs=16, batch=32, time=100)
DENSE = WIRED.replace(units=64, wiring="FullyConnected", batch=32, time=32)
COMPARISONS = (
    of(
        WIRED,
        (
            "liquidjax, 2 devices",
            "liquidjax",
            "liquidjax, not tuned",
            "ncps torch",
            "ncps torch.compile",
            "ncps.keras on JAX",
            "dense JAX port",
            "dense JAX port, tuned",
            "flax LSTM",
            "torch LSTM",
        ),
        (
            Goal("ncps torch", 20),
            Goal("ncps torch.compile", 6),
            Goal("dense JAX port", 25),
            Goal("dense JAX port", 200, "leaner"),
        ),
    ),
    of(
        LARGER,
        ("liquidjax, 2 devices", "liquidjax", "liquidjax, not tuned", "ncps torch", "ncps torch.compile"),
        (Goal("ncps torch", 12),),
    ),
    of(
        DENSE,
        (
            "liquidjax, 2 devices",
            "liquidjax",
            "liquidjax, not tuned",
            "ncps torch",
            "ncps torch.compile",
            "dense JAX port",
            "dense JAX port, tuned",
        ),
        (Goal("ncps torch", 4),),
    ),
)

if __name__ == "__main__":
    run("ltc_training_step", "One training step of an LTC", COMPARISONS, __doc__)
