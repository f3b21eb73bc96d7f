"""A training on several devices, and in several processes: who cuts which part of a batch, and what is where."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from liquidjax._checks import check_kind
from liquidjax.training import description, shared
from liquidjax.training.examples import Examples
from liquidjax.training.objective import Batch
from liquidjax.training.processes.agree import word_of_first
from liquidjax.training.processes.joined import current
from liquidjax.training.processes.watch import Watch


class Shares:
    """The devices of a mesh, each with its share of every batch; parameters and optimizer are the same on all.

    Args:
        mesh: with an axis "batch"; along other axes, which devices of one process only may have, all do the same.
        watch: over the processes that the devices belong to; None where all are of this one.
    """

    def __init__(self, mesh: Mesh, watch: Watch | None):
        self.mesh, self.watch = mesh, watch
        self.devices: int = mesh.shape[shared.AXIS]
        places = NamedSharding(mesh, P(shared.AXIS)).addressable_devices_indices_map((self.devices,))
        self.own = sorted({where[0].start or 0 for where in places.values() if where is not None})
        """The numbers of the shares of this process."""

    @property
    def others(self) -> bool:
        """Whether other processes train along."""
        return self.watch is not None

    @property
    def writes(self) -> bool:
        """Whether this process is the one that reads and writes checkpoints."""
        return self.watch is None or self.watch.index == 0

    def filled(self, size: int) -> int:
        """How many rows a batch of so many series has: the next number that the devices divide."""
        return -(-size // self.devices) * self.devices

    def batch(self, data: Examples, rows: np.ndarray, time: int, what: str) -> Batch:
        """The batch of these rows, of which each process cuts the shares of its own devices.

        Args:
            data: all of them, in each process.
            rows: int (series,), or (members, series); see `Examples.batch`.
            time: steps.
            what: is computed from it by all, for the sentence where a process is missing.
        """
        if self.watch is not None:
            self.watch.begin(what)
        lead, size = rows.shape[:-1], rows.shape[-1]
        own = rows.reshape(*lead, self.devices, -1)[..., self.own, :].reshape(*lead, -1)

        def placed(values: np.ndarray, spec: P) -> jax.Array:
            shape = list(values.shape)
            if shared.AXIS in spec:
                shape[spec.index(shared.AXIS)] = size
            return jax.make_array_from_process_local_data(NamedSharding(self.mesh, spec), values, tuple(shape))

        return jax.tree.map(placed, data.batch(own, time), shared.specs(data, bool(lead)))

    def wish(self, wish: int) -> jax.Array | None:
        """What this process would like, as the step takes it; None where there is no other."""
        if self.watch is None:
            return None
        own = np.full(len(self.own), wish, np.int32)
        return jax.make_array_from_process_local_data(NamedSharding(self.mesh, P(shared.AXIS)), own, (self.devices,))

    def everywhere(self, tree: Any) -> Any:
        """The same on every device; arrays that are bound to a device of this process are refused by JAX."""
        return jax.jit(lambda tree: tree, out_shardings=NamedSharding(self.mesh, P()))(tree)

    def here(self, tree: Any) -> Any:
        """Copies on a device of this process, of what is the same on every device."""
        return jax.tree.map(lambda leaf: leaf.addressable_data(0).copy(), tree)

    @contextlib.contextmanager
    def together(self, identity: dict[str, Any]) -> Iterator[None]:
        """Inside, all processes do the same, and wait for each other.

        Args:
            identity: of the training.

        Raises:
            ValueError: that of process 0 is another, or on another mesh.
        """
        if self.watch is None:
            yield
            return
        identity = identity | {"mesh": [device.id for device in self.mesh.devices.flat]}
        with self.watch.together():
            first = json.loads(word_of_first(self.watch, "the comparison of what is trained", json.dumps(identity)))
            if found := description.differences(first, identity):
                listed = "; ".join(f"{place}: {ours} there, {given} here" for place, ours, given in found[:10])
                raise ValueError(f"process {self.watch.index} must be given the training of process 0, but {listed}")
            yield

    def of_first(self, what: str, word: str) -> str:
        """The word of process 0, whatever that of the others is."""
        return word if self.watch is None else word_of_first(self.watch, what, word)


def shares_of(mesh: Any, batch_size: int) -> Shares:
    """The shares of the devices of a mesh.

    Raises:
        ValueError: it is no mesh, has no axis "batch", does not divide the batch, or its devices are not those of the
            processes that have joined each other.

    Example:
        >>> shares_of(jax.make_mesh((1,), ("batch",)), batch_size=32).own
        [0]
    """
    check_kind("mesh", mesh, Mesh, 'a jax.sharding.Mesh, such as jax.make_mesh((jax.device_count(),), ("batch",))')
    if shared.AXIS not in mesh.shape:
        raise ValueError(f'mesh must have an axis "{shared.AXIS}", which shares a batch, got {mesh.axis_names}')
    devices = mesh.shape[shared.AXIS]
    if batch_size % devices:
        below, above = batch_size // devices * devices, -(-batch_size // devices) * devices
        nearest = f"{below} or {above}" if below else str(above)
        raise ValueError(
            f"batch_size must be a multiple of the {devices} devices that share a batch, such as {nearest}, got "
            f"{batch_size}"
        )
    of = {device.process_index for device in mesh.devices.flat}
    if of == {jax.process_index()}:
        return Shares(mesh, None)
    watch = current()
    if watch is None:
        raise ValueError(
            "a mesh over several processes needs `with liquidjax.training.processes.joined.joined(...)` around it, "
            "which says who is missing where one is lost"
        )
    if of != set(range(watch.number)):
        raise ValueError(f"mesh must have devices of all {watch.number} processes or of this one, got those of {of}")
    if devices != mesh.size:
        raise ValueError(
            f'a mesh over several processes must have the axis "{shared.AXIS}" alone, such as '
            f'jax.make_mesh(({mesh.size},), ("{shared.AXIS}",)), got {dict(mesh.shape)}'
        )
    return Shares(mesh, watch)
