"""The siege in a short form: `make siege` is the long one."""

import os
import subprocess
import sys

from tests.processes import ROOT

# Of each form. How long requests take says nothing on a machine that does other things as well.
MINUTES, MOST_SECONDS = 0.2, 25


def test_honest_clients_are_answered_during_every_attack_at_once() -> None:
    without = {"SIEGE_DATABASE_URL", "DATABASE_URL", "STATE_DIR"}
    bounds = ["--minutes", str(MINUTES), "--most-seconds", str(MOST_SECONDS)]

    done = subprocess.run(
        [sys.executable, "-m", "tests.attacks.siege", *bounds],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name not in without},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "It holds." in done.stdout
