"""Experiments: networks and baselines over a grid of cells, measured on the same people."""
