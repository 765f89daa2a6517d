"""The Connect page: servers, what their models can do, and what they cost."""
