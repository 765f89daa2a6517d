"""Wideset: labelled text data from language models, diverse and correctly labelled."""

__version__ = "0.1.0"
