"""Commands on runs: generate, resume, list, show, export, and the worker that runs jobs."""
