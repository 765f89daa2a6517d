"""The story of a sweep, step by step, for stakeholders."""
