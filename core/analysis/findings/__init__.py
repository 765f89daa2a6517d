"""The findings of the paper as hypotheses, tested on results."""
