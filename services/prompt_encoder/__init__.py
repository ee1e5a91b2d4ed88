"""Stage 2: marks to prompt tokens."""
