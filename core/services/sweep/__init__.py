"""A sweep's work around the store: its plan, what is reused, stored, spent and estimated."""
