"""Networks made of cells and of other layers."""
