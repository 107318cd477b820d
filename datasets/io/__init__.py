"""File types: one module each, and `datasets.io.registry`, which finds the right one."""
