"""Stage 1: pixels to dense features."""
