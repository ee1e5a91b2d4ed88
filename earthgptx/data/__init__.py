"""Training and evaluation data: labelled images, synthetic scenes, dataset adapters, instructions."""
