"""Synthetic overhead scenes with full truth, seen by three sensors.

``earthgptx.data.synthetic.scene.generate_scene`` is the entry point.
"""
