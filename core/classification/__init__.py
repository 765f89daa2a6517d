"""Classifiers trained on a dataset, the baselines beside them, and how right each of them is."""
