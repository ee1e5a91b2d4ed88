"""Pretrained parts, as the hub holds them, made into a weights folder of a preset."""
