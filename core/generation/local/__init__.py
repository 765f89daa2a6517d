"""Language models on this machine: loading, engines, decoding, sampling."""
