"""Delivers a file in a process of its own and ends itself, as ``kill -9`` would, at a given step.

Usage: ``python deliver_and_die.py DATA TERRITORY FILE STEP``. A step is a call made by, or a call into, the modules
that touch files and the database. With step 0 the delivery ends well and the number of its steps is printed.
"""

import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from riskmap.assembly import open_store
from riskmap.pipeline.deliveries import deliver
from riskmap.settings import Settings

WATCHED = ("/riskmap/", "/pathlib.py", "/shutil.py", "/sqlalchemy/engine/default.py")


def main(data: str, territory: str, file: str, step: str) -> None:
    deadly = int(step)
    done = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal done
        if event in ("call", "c_call") and any(part in frame.f_code.co_filename for part in WATCHED):
            done += 1
            if done == deadly:
                os.kill(os.getpid(), signal.SIGKILL)

    store = open_store(Settings.from_environment({"RISKMAP_DATA": data}))
    place = store.territories.load(territory)
    sys.setprofile(count)
    deliver(store, Path(file), territory=place, now=datetime(2026, 10, 5, 9, 30, tzinfo=UTC))
    sys.setprofile(None)
    store.close()
    sys.stdout.write(f"{done}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
