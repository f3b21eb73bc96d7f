"""The step of each cell as a function of C, one cell a file."""
