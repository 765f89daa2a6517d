"""The map: texts as points of a plane."""
