"""Experiments: grids of conditions, what each buys and costs, and what may be concluded from it."""
