"""Faces that are drawn, not photographed: shapes, looks and the drawing of each part.

`datasets.synthetic` is the way in.
"""
