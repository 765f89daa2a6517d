"""What all models that run on this machine share: devices, memory, the packaged models."""
