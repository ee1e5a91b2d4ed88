"""EarthGPT-X as a library: the model, its imagery, its data, its training and evaluation.

Knows nothing of gRPC, Redis or Celery. ``earthgptx.imagery`` needs no torch.
"""
