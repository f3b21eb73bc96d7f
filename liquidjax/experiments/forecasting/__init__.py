"""Liquid networks and LSTMs forecast noisy series, two of them chaotic, beside ridge regression and persistence."""
