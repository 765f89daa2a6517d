"""Judging texts, and repairing a dataset with what was judged."""
