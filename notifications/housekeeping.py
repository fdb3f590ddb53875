"""What of messages has had its time."""

from common.housekeeping import HOURLY, register
from notifications import services, tallies


def register_chores() -> None:
    """Has it done with everything else."""
    register("old texts of messages", services.blank_old_texts)
    register("old delivery reports", services.prune_reports)
    register("unknown messages, by policy", services.settle_unknown_by_policy, every=HOURLY)
    register("old tallies", tallies.fold)
