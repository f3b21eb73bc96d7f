"""How an unrolled cell is differentiated: what the backward pass keeps."""
