"""The flags of XLA under which the tests run compute right numbers."""

import os

import jax
import pytest

import quick_xla
import xla_fusion


@pytest.mark.parametrize("flags", ["", quick_xla.QUICK], ids=["none", "quick"])
def test_one_gradient_from_three_programs(flags):
    """Without the third of them the quick flags make gradients of adaptive solvers wrong by percents."""
    assert max(xla_fusion.errors_under(flags)) < 1e-2


def test_the_older_emitters_go_without_the_fused_multiply_add():
    flags = os.environ.get("XLA_FLAGS", "")
    assert "fusion_emitters=false" not in flags or "max_isa=AVX" in flags


def test_jax_has_read_where_compiled_programs_are_kept():
    """It reads the environment when it is imported, which must not happen before tests/quick_xla.py."""
    assert jax.config.values["jax_compilation_cache_dir"] == os.environ["JAX_COMPILATION_CACHE_DIR"]
