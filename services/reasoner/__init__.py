"""Stage 3: image, marks and words to an answer."""
