"""What of logins and tokens has had its time."""

from datetime import timedelta

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.utils import timezone
from oauth2_provider.models import clear_expired, get_device_grant_model

from common.housekeeping import delete_in_batches, register


def prune_tokens() -> None:
    """Deletes tokens and codes that have expired, in batches of the toolkit's own.

    A refresh token that was used goes only with its term: until then it shows a theft.
    """
    clear_expired()
    delete_in_batches(get_device_grant_model().objects.filter(expires__lt=timezone.now()))


def prune_sessions() -> int:
    """Deletes sessions that have expired; how many."""
    return delete_in_batches(Session.objects.filter(expire_date__lt=timezone.now()))


def prune_failures() -> int:
    """Deletes failed logins that no longer count towards a lock; how many."""
    before = timezone.now() - settings.AXES_COOLOFF_TIME
    return delete_in_batches(AccessAttempt.objects.filter(attempt_time__lt=before))


def prune_login_log() -> int:
    """Deletes what is known of logins after LOGIN_LOG_RETENTION_DAYS; how many rows."""
    if not settings.LOGIN_LOG_RETENTION_DAYS:
        return 0
    before = timezone.now() - timedelta(days=settings.LOGIN_LOG_RETENTION_DAYS)
    logs = (AccessLog, AccessFailureLog)
    return sum(delete_in_batches(log.objects.filter(attempt_time__lt=before)) for log in logs)


def prune_history() -> int:
    """Deletes the admin's record of changes after HISTORY_RETENTION_DAYS; how many."""
    if not settings.HISTORY_RETENTION_DAYS:
        return 0
    before = timezone.now() - timedelta(days=settings.HISTORY_RETENTION_DAYS)
    return delete_in_batches(LogEntry.objects.filter(action_time__lt=before))


def register_chores() -> None:
    """Has them done with all others."""
    register("expired tokens", prune_tokens)
    register("expired sessions", prune_sessions)
    register("failed logins", prune_failures)
    register("logins on record", prune_login_log)
    register("changes on record", prune_history)
