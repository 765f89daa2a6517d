"""Embeddings, measurements and maps in the store."""
