"""A cell around a cell."""
