"""Attaching real labelled texts to a task."""
