"""The package is imported once, before pytest runs the modules whose examples it collects."""


def pytest_sessionstart(session):
    import liquidjax  # noqa: F401  # not above: tests/conftest.py says first what JAX is to read when it is imported
