"""Fine-tuning an encoder, with checkpoints."""
