"""Grids: their specification, files and plans."""
