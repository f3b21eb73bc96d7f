"""Checkpoints that a process of its own reads and writes are those of this one."""

import ml_dtypes
import numpy as np
import pytest

from liquidjax.training.checkpoints import disk, parcel
from liquidjax.training.checkpoints.apart import apart

ARRAYS = {
    "a": np.array([np.nan, -0.0, 1e-40], np.float32),
    "b/c": np.arange(6).reshape(2, 3)[:, ::-1],
    "none": np.empty((0, 2)),
    "one": np.array(True),
    "half": np.ones(3, ml_dtypes.bfloat16),
}


def bits(found):
    arrays, facts = found
    return {name: (array.dtype, array.shape, array.tobytes()) for name, array in arrays.items()}, facts


def test_a_parcel_holds_every_bit():
    found = parcel.unpacked(parcel.packed((ARRAYS, {"epoch": 3})))
    assert bits(found) == bits((ARRAYS, {"epoch": 3}))
    assert parcel.unpacked(parcel.packed(None)) is None


@pytest.mark.slow
def test_what_is_written_apart_is_read_here_and_there(tmp_path):
    with apart() as other:
        other.write(tmp_path / "saved", ARRAYS, {"epoch": 3})
        assert (
            bits(other.read(tmp_path / "saved")) == bits(disk.read(tmp_path / "saved")) == bits((ARRAYS, {"epoch": 3}))
        )
        with pytest.raises(OSError, match="No such file or directory"):
            other.write(tmp_path / "nowhere" / "saved", ARRAYS, {})
        with pytest.raises(ValueError, match=r"manifest\.json cannot be read"):
            other.read(tmp_path / "nowhere")
        other._process.kill()
        with pytest.raises(OSError, match="the process that reads and writes checkpoints has ended"):
            other.read(tmp_path / "saved")
