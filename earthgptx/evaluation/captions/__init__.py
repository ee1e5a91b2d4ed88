"""Scores of captions, as the COCO caption evaluation defines them."""
