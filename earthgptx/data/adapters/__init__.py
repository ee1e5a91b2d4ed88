"""Readers of public datasets, one module a format family; ``registry.open_dataset`` opens any."""
