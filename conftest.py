"""The package is imported once, before pytest runs the modules whose examples it collects."""

import liquidjax  # noqa: F401
