"""Evaluation: metrics, intervals, comparison, test leakage."""
