"""Training: samples, packed batches, the loop, recipes."""
