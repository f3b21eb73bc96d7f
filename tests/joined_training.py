"""A small training in one of several processes, as `tests/training/processes` starts them; see `processes_of`.

Usage: python tests/joined_training.py SETTINGS, which are JSON
"""

import dataclasses
import json
import os
import signal
import sys
import time
from typing import Any

DEVICES = "--xla_force_host_platform_device_count"


def settings_of_training(epochs: int = 6, seed: int = 0, ltc: bool = False, **more: Any) -> dict[str, Any]:
    """What is trained: 16 series of one length in batches of 4, so 4 steps an epoch."""
    import liquidjax as lj
    from small_training import GRU, values

    data, validation = values(seed, (4,) * 16), values(1, (4,) * 6)
    cell = lj.Readout(lj.LTC(2, lj.FullyConnected(2)), 1) if ltc else GRU
    return {"cell": cell, "data": data, "validation": validation, "batch_size": 4, "epochs": epochs, **more}


def found(fitted: Any) -> dict[str, Any]:
    """What is compared of a training."""
    import jax
    import numpy as np

    history = [np.ravel([epoch.loss, epoch.validation_loss]).tolist() for epoch in fitted.history]
    params = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(fitted.params)]).tolist()
    return {"history": history, "params": params, "steps": int(np.max(fitted.last.step))}


@dataclasses.dataclass
class Acting:
    """A `stop` by which a process does something to itself in its n-th question."""

    what: str
    after: int
    asked: int = 0
    stopping: bool = False

    def __call__(self) -> bool:
        self.asked += 1
        if self.asked == self.after:
            if self.what == "stop":
                self.stopping = True
            elif self.what == "sleep":
                time.sleep(1000)
            elif self.what == "fail":
                raise ValueError("the sensor is on fire")
            else:
                os.kill(os.getpid(), getattr(signal, self.what))
        return self.stopping


def draws_otherwise() -> None:
    """From now on, what is drawn differs a little, as on a processor that computes other last digits."""
    import jax

    from liquidjax.training import start

    drawn = start.init_state
    start.init_state = lambda *given: jax.tree.map(
        lambda leaf: leaf * 1.001 if jax.numpy.issubdtype(leaf.dtype, jax.numpy.floating) else leaf, drawn(*given)
    )


def main(process: int, processes: int, coordinator: str, training: dict[str, Any], act: Any, folder: str, **more: Any):
    import jax

    from liquidjax.training.checkpoints.keeper import Checkpoints
    from liquidjax.training.processes.joined import joined
    from small_training import trained

    with joined(coordinator, process, processes, **more):
        others, by_itself = training.pop("along_another_axis", 1), training.pop("by_itself", False)
        devices = jax.local_devices() if by_itself else jax.devices()
        mesh = jax.make_mesh((len(devices) // others, others), ("batch", "other"), devices=devices)
        place = f"{folder}/{process}" if by_itself else folder
        training |= {"checkpoints": Checkpoints(place, seconds=0.0)} if folder else {}
        stop = Acting(*act) if act else (lambda: False)
        if training.pop("draws_otherwise", False):
            draws_otherwise()
        print(json.dumps(found(trained(**settings_of_training(**training), mesh=mesh, stop=stop))))


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {DEVICES}={given.pop('devices')}"
    main(**given)
