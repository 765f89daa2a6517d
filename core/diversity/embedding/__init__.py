"""Embedding texts: encoders, loading them, and cached vectors."""
