"""What everything speaks of: tasks, conditions, runs, datasets, errors, and the registries. Imports no room."""
