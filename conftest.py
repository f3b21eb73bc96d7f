"""Everything runs under the quick flags, and the package is imported once, before pytest runs its modules."""

from importlib.util import find_spec

import pytest

import quick_xla  # noqa: F401  # of tests/: before JAX, by the environment

# Of an extra that does not go together with that of the tests; `make test-exports`.
collect_ignore = [] if find_spec("onnx") else [f"liquidjax/export/onnx/{name}.py" for name in ("graph", "step")]


def pytest_sessionstart(session):
    import liquidjax  # noqa: F401


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """The kernel of a notebook compiles as users do: what a notebook trains takes longer in slower code."""
    with pytest.MonkeyPatch.context() as patch:
        if item.path.suffix == ".ipynb":
            patch.setenv("XLA_FLAGS", "")
        return (yield)
