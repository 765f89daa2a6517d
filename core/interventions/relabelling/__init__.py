"""Relabelling."""
