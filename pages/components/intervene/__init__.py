"""The parts of the Intervene page."""
