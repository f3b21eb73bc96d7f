"""The network-size table of Lechner et al. (2020), counted on networks that run."""
