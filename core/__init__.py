"""Wideset: labelled text data from language models, diverse and right."""

__version__ = "0.1.0"
