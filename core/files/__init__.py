"""Files: labelled texts from files, datasets of the hub and the example, to be checked first."""
