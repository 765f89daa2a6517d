"""Out-of-scope filtering and its effect on a classifier."""
