"""Makes a mark with a photo in a process of its own and ends itself, as ``kill -9`` would, at a given step.

Usage: ``python mark_and_die.py DATA STEP``. Steps are those of ``file_and_die.py``; with step 0 the mark is made well
and the number of its steps is printed.
"""

import os
import signal
import sys
from types import FrameType

from riskmap import installation_key
from riskmap.assembly import open_store
from riskmap.settings import Settings
from riskmap.signals import desk
from riskmap.signals.desk import SignalOffice
from riskmap.signals.limits import Gate
from riskmap.signals.rules import Category
from tests.council import NOW
from tests.photo_builder import a_jpeg
from tests.riskmap.file_and_die import WATCHED
from tests.signal_builder import ANSWERS, a_marked_place


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
    store, secret = open_store(settings), installation_key.load(settings.data)
    office = SignalOffice(store=store, journals=settings.journals, secret=secret, gate=Gate())
    sys.setprofile(count)
    told = {"key": "once", "address": None, "at": NOW, "photos": [a_jpeg()]}
    desk.mark(office, a_marked_place(), Category.LIGHTING, ANSWERS, **told)
    sys.setprofile(None)
    store.close()
    sys.stdout.write(f"{done}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
