"""What is measured of each run of a sweep, before and after repair."""
