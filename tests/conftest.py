"""Shared by all tests."""

import os
from pathlib import Path

# Most tests compile much and compute little, so XLA is asked to compile fast into slower code, unless XLA_FLAGS says
# otherwise: `make test` sets it empty for what is compared with the peer, `make test-all` for everything. Another flag,
# --xla_cpu_use_fusion_emitters=false, would halve the time again, but together with this one it computes wrong numbers:
# see xla_fusion.py.
QUICK = "--xla_backend_optimization_level=0"
os.environ.setdefault("XLA_FLAGS", QUICK)
# Compiled programs are kept for the next run, and for the other processes of this one: the second run of a file takes a
# third of the time. Flags, versions and processor are part of their names; `make clean` forgets them.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".pytest_cache" / "programs"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

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
