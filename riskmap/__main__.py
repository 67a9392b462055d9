"""``python -m riskmap``: the command line."""

import sys

from riskmap.commands import main

if __name__ == "__main__":
    sys.exit(main())
