"""Dataset versions: applying interventions, comparing, data cards."""
