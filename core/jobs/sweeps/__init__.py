"""The coordinator of a sweep: plan, trials, progress, spending."""
