"""Training classifiers and using them; asking language models for labels."""
