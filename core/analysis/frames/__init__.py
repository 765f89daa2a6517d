"""Frames of results and points, ours and the paper's."""
