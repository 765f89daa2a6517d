"""Sweeps: grids of conditions, how they are executed and assessed."""
