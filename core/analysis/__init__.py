"""Analysis of assessed runs: frames, contrasts, regression, findings, recommendation."""
