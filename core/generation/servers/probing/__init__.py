"""Finding out what a served model can do."""
