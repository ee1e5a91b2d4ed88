"""Scenes of any size: read by window, shown alike in all tiles, what is found merged without seams.

No torch in here; the model is handed in (``earthgptx.scenes.model``).
"""
