"""Job handlers, one file per kind of job."""
