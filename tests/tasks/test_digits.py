"""The digits: splits that are stratified, disjoint and deterministic."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from liquidjax.tasks import digits
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.digits import Digits


def rows(samples: SequenceDataset) -> list[bytes]:
    return [row.tobytes() for row in digits.flat(samples.inputs)]


@pytest.mark.parametrize("steps", [1, 2, 4, 8, 16, 32, 64])
def test_shapes_scale_and_order(steps):
    images, _ = map(np.asarray, load_digits(return_X_y=True))
    inputs = digits.sequences(images[:3], steps)
    assert inputs.shape == (3, steps, 64 // steps) and inputs.dtype == np.float32
    assert np.array_equal(digits.flat(inputs) * 16, images[:3])
    # the first step holds the first pixels of each image
    assert np.array_equal(inputs[:, 0] * 16, images[:3, : 64 // steps])


def test_splits_hold_every_image_once_and_all_classes():
    splits = digits.load(Digits())
    found = [row for samples in splits for row in rows(samples)]
    images, labels = load_digits(return_X_y=True)
    assert sorted(found) == sorted((image / 16).astype(np.float32).tobytes() for image in images)
    share = np.bincount(labels) / len(labels)
    for samples in splits:
        assert samples.inputs.dtype == np.float32 and samples.inputs.min() == 0 and samples.inputs.max() == 1
        assert np.abs(np.bincount(samples.targets, minlength=10) / len(samples) - share).max() < 0.01


def test_labels_belong_to_their_images():
    images, labels = load_digits(return_X_y=True)
    of_image = {(image / 16).astype(np.float32).tobytes(): label for image, label in zip(images, labels, strict=True)}
    for samples in digits.load(Digits(split_seed=3)):
        assert [of_image[row] for row in rows(samples)] == samples.targets.tolist()
        numbers = [int(name.removeprefix("image ")) for name in samples.names]
        assert np.array_equal(digits.flat(samples.inputs) * 16, images[numbers])


def test_the_seed_decides_the_split():
    first, again, other = (digits.load(Digits(split_seed=seed)) for seed in (0, 0, 1))
    assert rows(first.test) == rows(again.test) and rows(first.train) == rows(again.train)
    assert rows(first.test) != rows(other.test)
    # the number of steps does not change who is held out
    assert rows(digits.load(Digits(steps=64)).test) == rows(first.test)


@pytest.mark.parametrize(
    "settings",
    [
        {"steps": 3},
        {"steps": 0},
        {"test_share": 0.0},
        {"validation_share": float("nan")},
        {"test_share": 0.5, "validation_share": 0.5},
    ],
)
def test_refuses_what_cannot_be(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        Digits(**settings)
