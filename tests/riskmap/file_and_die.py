"""Files a council request in a process of its own and ends itself, as ``kill -9`` would, at a given step.

Usage: ``python file_and_die.py DATA STEP``. A step is a call made by, or a call into, the modules that touch files and
the database. With step 0 the request is filed well and the number of its steps is printed.
"""

import os
import signal
import sys
from types import FrameType

from riskmap.assembly import open_store
from riskmap.council import casework
from riskmap.council.casework import Office
from riskmap.settings import Settings
from tests.council import NOW, a_filing, a_place, an_actor

WATCHED = ("/riskmap/", "/pathlib.py", "/shutil.py", "/sqlalchemy/engine/")


def main(data: str, step: str) -> None:
    deadly = int(step)
    done = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal done
        if event in ("call", "c_call") and any(part in frame.f_code.co_filename for part in WATCHED):
            done += 1
            if done == deadly:
                os.kill(os.getpid(), signal.SIGKILL)

    settings = Settings.from_environment({"RISKMAP_DATA": data})
    office = Office(store=open_store(settings), journals=settings.journals)
    sys.setprofile(count)
    casework.file(office, an_actor("resident"), a_filing(), a_place(), key="once", at=NOW)
    sys.setprofile(None)
    office.store.close()
    sys.stdout.write(f"{done}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
