"""Shared by all tests."""

import shutil
from pathlib import Path

import jax
import pytest

from quick_xla import CACHE

MOST_CACHED = 2**30
"""Bytes of compiled programs that are kept; with more the tests begin anew."""

jax.config.update("jax_numpy_dtype_promotion", "strict")  # as users may; a number of another type is a mistake


def pytest_configure(config):
    if not hasattr(config, "workerinput") and sum(f.stat().st_size for f in CACHE.rglob("*-cache")) > MOST_CACHED:
        shutil.rmtree(CACHE, ignore_errors=True)


LONG = Path(__file__).with_name("long.txt")


def long_tests() -> set[str]:
    """The tests that `make test` leaves out because they take long to compile, as pytest calls them."""
    return {line for line in LONG.read_text().splitlines() if not line.startswith("#")}


def pytest_collection_modifyitems(items):
    names = long_tests()
    for item in items:
        if item.nodeid in names:
            item.add_marker(pytest.mark.long)


@pytest.fixture(scope="module", autouse=True)
def no_program_outlives_its_module():
    """A process may map 65,530 pieces of memory; with the programs of all tests in it, the compiler aborts."""
    yield
    jax.clear_caches()


@pytest.fixture
def promotes():
    """Types of numbers may mix in one test: it is about that, or what it is compared with mixes them, as optax does."""
    with jax.numpy_dtype_promotion("standard"):
        yield


@pytest.fixture
def x64():
    """float64 for one test."""
    with jax.enable_x64(True):
        yield
