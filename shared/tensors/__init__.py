"""Tensors by reference: small claims travel in messages, the bytes lie in a tier.

host_tensor   a tensor in host memory: dtype, shape, bytes
ref           the signed claim on a tensor
store         put and get; chooses the tier, verifies what comes back
tier          what a tier is; inline_tier, shared_memory, redis_tier, object_tier are the four
slab_pool     pooled shared memory and its locks; slab_budget is what it may take, and
              slab_mappings what its readers keep
objects       named bytes with an expiry; directory_objects and s3_objects hold them
images        uploaded files as durable objects, named by their content
files         files written for people, by a signed key
index         small payloads remembered by name (the feature cache)
reaper        deletes what has expired
open_store    all of it from the settings
torch_bridge  to and from torch; the only module here that imports it

Who reads a tensor needs `open_store` and `ref`; the rest is behind them.
"""
