"""Label replacement: oracle, proxies, preview, label accuracy."""
