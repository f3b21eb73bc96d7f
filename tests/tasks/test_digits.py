"""The digits as series: shapes, the order of the pixels, and labels that belong to their images."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from liquidjax.tasks import digits


@pytest.mark.parametrize("steps", [1, 2, 4, 8, 16, 32, 64])
def test_shapes_scale_and_order(steps):
    images, _ = map(np.asarray, load_digits(return_X_y=True))
    inputs = digits.sequences(images[:3], steps)
    assert inputs.shape == (3, steps, 64 // steps) and inputs.dtype == np.float32
    assert np.array_equal(inputs.reshape(3, 64) * 16, images[:3])
    # the first step holds the first pixels of each image
    assert np.array_equal(inputs[:, 0] * 16, images[:3, : 64 // steps])


@pytest.mark.parametrize(("make", "steps"), [(digits.rows, 8), (digits.pixels, 64), (lambda: digits.whole(16), 16)])
def test_every_image_is_there_once_with_its_label_and_its_number(make, steps):
    data, (images, labels) = make(), map(np.asarray, load_digits(return_X_y=True))
    assert data.inputs.shape == (1797, steps, 64 // steps) and data.inputs.dtype == np.float32
    assert np.array_equal(data.inputs.reshape(1797, 64) * 16, images)
    assert data.classes is not None and not data.each_step
    assert [int(data.classes[target]) for target in data.targets] == labels.tolist()
    assert data.names == tuple(f"image {number + 1}" for number in range(1797))


def test_nothing_is_missing_and_time_runs_in_steps():
    data = digits.rows()
    assert data.observed.all() and data.target_mask.all() and data.inputs.min() == 0 and data.inputs.max() == 1
    assert np.array_equal(data.times, np.tile(np.arange(8.0), (1797, 1)))


@pytest.mark.parametrize("steps", [3, 0, -8, 128])
def test_steps_that_do_not_divide_the_pixels_are_refused(steps):
    with pytest.raises(ValueError, match="steps must divide 64, the pixels of an image"):
        digits.whole(steps)
