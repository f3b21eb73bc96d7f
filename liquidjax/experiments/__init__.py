"""Experiments: one package each, with its settings, its run, its report and its figures; `shared` serves them all."""
