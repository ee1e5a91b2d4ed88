"""`python -m earthgptx_client` is the `earthgptx` command."""

import sys

from earthgptx_client.command import main

if __name__ == "__main__":
    sys.exit(main())
