"""The network: one module per part of the paper's figure.

Importing it declares two operator schemas first (see ``torchvision_operators``), because
transformers imports torchvision while its own modules load.
"""

from earthgptx.model.torchvision_operators import declare_missing_operators

declare_missing_operators()
