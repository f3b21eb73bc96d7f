"""What cells are made of."""
