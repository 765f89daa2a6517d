"""Commands on classifiers: training one, and asking a language model."""
