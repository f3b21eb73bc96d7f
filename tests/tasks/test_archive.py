"""The sets of the archive have the sizes that it says, and the classes of both parts are the same."""

import numpy as np
import pytest

from liquidjax.tasks.archive import archived
from untyped import untyped


@pytest.mark.parametrize(
    ("name", "sizes", "features", "classes", "lengths"),
    [("JapaneseVowels", (270, 370), 12, 9, (7, 29)), ("BasicMotions", (40, 40), 6, 4, (100, 100))],
)
def test_a_set_is_what_the_archive_says(name, sizes, features, classes, lengths):
    training, test = archived(name, "train"), archived(name, "test")
    assert (len(training), len(test)) == sizes and training.inputs.shape[2] == features
    assert training.classes == test.classes and len(set(training.targets)) == classes
    both = np.concatenate([training.lengths, test.lengths])
    assert (both.min(), both.max()) == lengths and not np.isnan(training.inputs[training.mask]).any()


def test_other_names_are_refused():
    with pytest.raises(ValueError, match="name must be"):
        archived(untyped("Vowels"), "train")
