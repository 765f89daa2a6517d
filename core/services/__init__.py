"""One function for each piece of work, called by job handlers, the command line and sweeps."""
