"""Generation: prompts, logit suppression, the local sampler, backends, and the loop."""
