"""Saves a fitted model in a process of its own and ends itself, as ``kill -9`` would, at a given step.

Usage: ``python save_model_and_die.py FOLDER STEP``. A step is a call made by, or a call into, the modules that touch
files. With step 0 the model is saved well and the number of its steps is printed.
"""

import os
import signal
import sys
from pathlib import Path
from types import FrameType

from riskmap.store.model_shelf import FolderModels
from tests.models.test_fitted_model import a_manifest
from tests.riskmap.test_model_shelf import a_model

WATCHED = ("/riskmap/", "/pathlib.py", "/shutil.py")


def main(folder: str, step: str) -> None:
    deadly = int(step)
    done = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal done
        if event in ("call", "c_call") and any(part in frame.f_code.co_filename for part in WATCHED):
            done += 1
            if done == deadly:
                os.kill(os.getpid(), signal.SIGKILL)

    shelf, model = FolderModels(Path(folder)), a_model(a_manifest(version="2"), seed=2)
    sys.setprofile(count)
    shelf.save(model)
    sys.setprofile(None)
    sys.stdout.write(f"{done}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
