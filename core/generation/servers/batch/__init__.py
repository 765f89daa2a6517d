"""OpenAI's Batch API by files: requests written, results read."""
