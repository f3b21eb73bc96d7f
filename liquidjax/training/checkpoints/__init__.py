"""Checkpoints of a training: it goes on from the last whole one as if it had not been interrupted."""
