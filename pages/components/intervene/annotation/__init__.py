"""Annotation: the queue, the table, the history."""
