"""Judgements, dataset versions and previews in the store."""
