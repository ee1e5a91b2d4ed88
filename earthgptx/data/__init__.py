"""Data: labelled images, synthetic scenes, dataset adapters, instructions."""
