"""Label replacement and out-of-scope filtering, and the versions they make."""
