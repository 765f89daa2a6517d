"""Scope filter."""
