"""Commands on sweeps: a grid, the paper's replication, reports and the demo project."""
