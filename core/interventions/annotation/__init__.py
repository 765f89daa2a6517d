"""Judging texts: queues, sessions, agreement."""
