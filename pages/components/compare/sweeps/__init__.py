"""Sweeps on the Compare page: the dialog, its settings, the list."""
