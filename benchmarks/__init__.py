"""Measurements, run by `make bench`; they print and record, and fail no build.

tensor_hand_off   a tensor from process to process: every tier, and the same bytes inline over gRPC
control_plane     what the suite adds to the model's time, interactive and durable
feature_cache     a second question about an image against the first
batching          eight callers at a stage, one by one and in batches
stages            each stage's model alone, against the machine's matrix products
training          a training step of both phases
synthetic_scenes  how fast scenes are made

Each is a module with one `run(given)`; `figures` is what it returns, `suite` and `hand_off_peer`
are what it starts, `machine` and `report` are around it.
"""
