"""Figures of the Compare page and the report: conditions, their knobs and their metrics."""
