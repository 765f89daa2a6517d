"""The job queue, its worker process, and what other processes say to it."""
