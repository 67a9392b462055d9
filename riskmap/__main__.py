"""``python -m riskmap``: the command line."""

import os
import signal
import sys


def _leave(*_: object) -> None:
    os._exit(130)


if __name__ == "__main__":
    # While the program is loaded there is nothing to clean up, and nobody wants to read where the loading stood.
    is_usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_usual:
        signal.signal(signal.SIGINT, _leave)

    from riskmap.commands import main

    if is_usual:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main())
