"""The registries: knobs, metrics and stages, each declared once for all who show or read them."""
