"""Diversity: embeddings, Remote-Clique and the other measures, near duplicates, projection."""
