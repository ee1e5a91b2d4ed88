"""The network: one module per part of the paper's figure."""
