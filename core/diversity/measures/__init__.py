"""Measures of diversity, a file per measure or family."""
