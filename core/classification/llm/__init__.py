"""Language models as classifiers, here or behind a server."""
