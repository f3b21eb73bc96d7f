"""Equations solved in continuous time."""
