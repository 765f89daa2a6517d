"""The coordinator of a sweep: hands out its trials and keeps a job for each of its runs."""
