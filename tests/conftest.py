"""Shared by all tests."""

import os

from jaxlib.version import __version__ as jaxlib_version

# Most tests compile much and compute little, so XLA is asked to compile fast into slower code, unless XLA_FLAGS says
# otherwise: `make test` sets it empty for what is compared with the peer, `make test-all` for everything. XLA stops at
# an option it does not know, and later versions do not know the second one.
QUICK = "--xla_backend_optimization_level=0"
if jaxlib_version < "0.11":
    QUICK += " --xla_cpu_use_fusion_emitters=false"
os.environ.setdefault("XLA_FLAGS", QUICK)

import jax  # noqa: E402
import pytest  # noqa: E402


@pytest.fixture
def x64():
    """float64 for one test."""
    with jax.enable_x64(True):
        yield
