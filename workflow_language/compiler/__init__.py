"""From a definition to a plan: what runs after what, how often at most, with which values."""
