"""Finds the expert of the swimmer in `liquidjax control` by augmented random search.

python benchmarks/swimmer_expert.py: some three minutes on one core. It writes
`liquidjax/experiments/control/swimmer.json`, with fixed seeds. From a policy of zeros the search ends at 0.09 m/s, a
gait that is a poor local optimum; so it begins with the best of some policies that are drawn.
"""

import json

import numpy as np

from liquidjax.experiments.control.mujoco import SWIMMER_EXPERT, Swimmer
from liquidjax.experiments.control.plant import STEP, Linear
from liquidjax.experiments.control.random_search import search

FRAMES = 500
"""Of an episode: 20 s."""
DRAWN = 300
"""Policies that are drawn, with gains of about 1."""
SETTINGS = {"iterations": 80, "directions": 8, "best": 4, "step": 0.05, "spread": 0.1, "seed": 0}
SCALE = np.array([1.0, 1.0, 1.0, 0.3, 0.3, 0.3])
"""Of what the policy reads: velocities are some three times as large as angles."""


def main() -> None:
    plant = Swimmer(Linear(np.zeros((2, 6)), np.zeros(2)))
    starts = plant.starts(100, seed=1)
    rng = np.random.default_rng(2)

    def returns(policies: np.ndarray) -> np.ndarray:
        """Reward of a second in an episode of 20 s for each policy (policies, 2, 6)."""
        states, alive = starts[rng.integers(len(starts), size=len(policies))], np.ones(len(policies), bool)
        total = np.zeros(len(policies))
        for _ in range(FRAMES):
            actions = np.clip(np.einsum("pas,ps->pa", policies, plant.full(states) * SCALE), -1, 1)
            moved = plant.advance(states, actions, alive, plant.frame)
            states, total = moved.states, total - moved.cost
        return total / (FRAMES * plant.frame * STEP)

    drawn = rng.normal(size=(DRAWN, 2, 6))
    first = drawn[int(returns(drawn).argmax())]
    best = [float(returns(np.repeat(first[None], 8, axis=0)).mean()), first]
    print(f"the best of {DRAWN} that were drawn: {best[0]:.4f} m/s", flush=True)

    def callback(iteration: int, policy: np.ndarray, found: float) -> None:
        if iteration % 5 == 4:
            value = float(returns(np.repeat(policy[None], 8, axis=0)).mean())
            if value > best[0]:
                best[:] = [value, policy]
            print(f"{iteration + 1}: tried {found:.4f} m/s, policy {value:.4f} m/s", flush=True)

    search(returns, first, callback=callback, **SETTINGS)
    gain = np.round(best[1] * SCALE, 4)
    SWIMMER_EXPERT.write_text(json.dumps({"gain": gain.tolist(), "offset": [0.0, 0.0]}, indent=2) + "\n")
    print(f"{best[0]:.4f} m/s in {SWIMMER_EXPERT}")


if __name__ == "__main__":
    main()
