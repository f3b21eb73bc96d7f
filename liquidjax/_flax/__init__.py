"""What the doors to Flax, `liquidjax.nnx` and `liquidjax.linen`, have in common; it imports nothing of Flax."""
