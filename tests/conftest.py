"""Shared by all tests."""

import os

# Most tests compile much and compute little, so XLA is asked to compile fast into slower code, unless XLA_FLAGS says
# otherwise: `make test` sets it empty for what is compared with the peer, `make test-all` for everything. Another flag,
# --xla_cpu_use_fusion_emitters=false, would halve the time again, but together with this one it computes wrong numbers:
# see xla_fusion.py.
QUICK = "--xla_backend_optimization_level=0"
os.environ.setdefault("XLA_FLAGS", QUICK)

import jax  # noqa: E402
import pytest  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def no_program_outlives_its_module():
    """A process may map 65,530 pieces of memory; with the programs of all tests in it, the compiler aborts."""
    yield
    jax.clear_caches()


@pytest.fixture
def x64():
    """float64 for one test."""
    with jax.enable_x64(True):
        yield
