"""Adjoint against backpropagation: memory, time and error of the gradient, by every method, measured."""
