"""Training: samples, packed batches, the loop, recipes.

As ``earthgptx.model``, it declares two operator schemas first: peft imports transformers.
"""

from earthgptx.model.torchvision_operators import declare_missing_operators

declare_missing_operators()
