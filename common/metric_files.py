"""Where the web processes of one server count together, so that any of them can tell.

Nothing here may import prometheus_client: it looks at the environment when it is imported.
"""

import logging
import os
import shutil
import sys
from pathlib import Path

logger = logging.getLogger(__name__)

# The variable by which prometheus_client is told.
DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"


def share_metrics(base: Path) -> None:
    """Has this process count in a directory below `base` with the others of its server.

    Those have one parent. A process that ended goes on counting for the sums, which would fall
    otherwise; so what goes is the whole directory of a server that has ended.
    """
    if DIRECTORY in os.environ or "prometheus_client" in sys.modules:
        # It has been decided already; too late for one process, like Django's development server.
        return
    ours = base / str(os.getppid())
    try:
        ours.mkdir(mode=0o700, parents=True, exist_ok=True)
        for each in base.iterdir():
            if each != ours and each.name.isdecimal() and not is_alive(int(each.name)):
                shutil.rmtree(each, ignore_errors=True)
    except OSError as error:
        logger.warning("METRICS_DIR cannot be used (%s): each process counts alone", error)
        return
    os.environ[DIRECTORY] = str(ours)


def is_alive(pid: int) -> bool:
    """Whether there is such a process, of whomever."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
