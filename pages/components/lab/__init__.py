"""The knob lab: what the knobs do to the next word."""
