"""What everything speaks of: tasks, conditions, runs, datasets, errors; the registries."""
