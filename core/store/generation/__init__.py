"""Runs, samples, rounds and requests in the store."""
