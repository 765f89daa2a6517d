"""Studies and reports of assessed sweeps."""
