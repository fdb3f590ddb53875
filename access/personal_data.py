"""What is stored about people who log in, and what the admin wrote down about anybody."""

from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib.admin.models import LogEntry
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db.models import Model, Q
from django.db.models.signals import pre_delete
from django.dispatch import receiver
from oauth2_provider.models import (
    get_access_token_model,
    get_device_grant_model,
    get_grant_model,
    get_id_token_model,
    get_refresh_token_model,
)
from rest_framework_api_key.models import APIKey as LibraryApiKey

from access.erasing import erase_logins
from access.models import ApiKey, Application, ExternalIdentity, User
from access.serializers import StoredLoginSerializer
from common import personal
from common.mentions import Mentions
from common.personal import Rows, Section, Subject, record_of

AccessToken = get_access_token_model()


def learn_logins(users: Rows, who: Subject) -> None:
    """What they log in with, and are called by there."""
    for user in users:
        who.logins |= {user.username, user.email} - {""}
        who.names |= {user.username, user.email, user.get_full_name()} - {""}


def learn_subjects(identities: Rows, who: Subject) -> None:
    """What other issuers call them."""
    who.names |= set(identities.values_list("subject", flat=True))


def of_users(model: type[Model]) -> Any:
    """The rows of a model that belong to the subject's users."""
    return lambda who: model._default_manager.filter(user__in=who.users)


def by_login(model: type[Model]) -> Any:
    """The rows of a model that name the subject by what they log in with."""

    def rows(who: Subject) -> Rows:
        tried = Mentions(phones=frozenset(who.phones))
        named = Q(pk__in=tried.among(model._default_manager.all(), "username").values("pk"))
        for login in who.logins:
            named |= Q(username__iexact=login)
        return model._default_manager.filter(named)

    return rows


def sessions_of(who: Subject) -> Rows:
    """Their sessions: whose one is stands in its data alone, so each is looked at."""
    if not who.users:
        return Session.objects.none()
    users = {str(user) for user in who.users}
    every = Session.objects.order_by().iterator()
    theirs = [each.pk for each in every if each.get_decoded().get(SESSION_KEY) in users]
    return Session.objects.filter(pk__in=theirs)


def history_of(who: Subject) -> Rows:
    """What the admin's log says about the customer and the login, and wherever it names them."""
    entries = LogEntry.objects.all()
    about = Q(pk__in=who.mentions.among(entries, "object_repr", "change_message").values("pk"))
    ids = {"customer": map(str, who.customers), "user": map(str, who.users)}
    for kind, own in ids.items():
        about |= Q(content_type__model=kind, object_id__in=list(own))
    return entries.filter(pk__in=entries.filter(about).values("pk"))


# Before the login, which they are found by.
personal.declare(
    ExternalIdentity,
    fields={"issuer": "Where they have another login.", "subject": "What they are called there."},
    rows=of_users(ExternalIdentity),
    learn=learn_subjects,
    erase=personal.delete,
    counted="tokens_and_identities",
)
CHECKED = "What is stored to recognise a token."
for model, fields, impersonal, section in (
    (
        get_refresh_token_model(),
        {"token": "A refresh token.", "token_checksum": CHECKED},
        ("resource",),
        None,
    ),
    (
        AccessToken,
        {"token": "An access token.", "token_checksum": CHECKED},
        ("scope", "resource"),
        Section("tokens", record_of(AccessToken, "created", "expires", "scope")),
    ),
    (get_id_token_model(), {}, ("scope",), None),
    (
        get_grant_model(),
        {"code": "An authorization code.", "nonce": "A client's mark.", "claims": "What is asked."},
        ("redirect_uri", "scope", "code_challenge", "code_challenge_method", "resource"),
        None,
    ),
    (
        get_device_grant_model(),
        {"device_code": "A device's code.", "user_code": "What they type."},
        ("scope", "status", "client_id"),
        None,
    ),
):
    personal.declare(
        model,
        fields=fields,
        impersonal=impersonal,
        rows=of_users(model),
        erase=personal.delete,
        counted="tokens_and_identities",
        section=section,
    )
WHERE = {
    "username": "The name that was given.",
    "ip_address": "The address that it came from.",
    "user_agent": "The browser.",
    "http_accept": "What the browser takes.",
    "path_info": "The page.",
}
SENT = {"get_data": "The query.", "post_data": "The form."}
for model, more, name in (
    (AccessLog, {"session_hash": "A digest of the session."}, "logins"),
    (AccessFailureLog, {}, "failed_logins"),
    (AccessAttempt, SENT, "login_attempts"),
):
    personal.declare(
        model,
        fields=WHERE | more,
        rows=by_login(model),
        erase=personal.delete,
        counted="login_attempts",
        section=Section(name, record_of(model, "attempt_time", **WHERE | more)),
    )
personal.declare(
    Session,
    fields={"session_key": "The cookie.", "session_data": "Who is logged in, signed."},
    rows=sessions_of,
    erase=personal.delete,
    counted="sessions",
)
personal.declare(
    User,
    fields={
        "username": "The name of the login.",
        "first_name": "First name.",
        "last_name": "Last name.",
        "email": "Address.",
        "password": "A hash.",
    },
    rows=lambda who: User.objects.filter(pk__in=who.users),
    learn=learn_logins,
    erase=erase_logins,
    counted="logins",
    section=Section("login", StoredLoginSerializer, many=False),
)
personal.declare(
    LogEntry,
    fields={"object_repr": "What was changed.", "change_message": "How it was changed."},
    impersonal=("object_id",),
    rows=history_of,
    erase=personal.redact("object_repr", "change_message", anybodys=True),
    counted="log_entries",
    section=Section(
        "history",
        record_of(
            LogEntry,
            "action_time",
            object_repr="What was changed in the admin.",
            change_message="How it was changed.",
        ),
    ),
    last=True,
)
# About staff, partners and their programs.
personal.declare_impersonal(ApiKey, LibraryApiKey, Application, Group, Permission, ContentType)


@receiver(pre_delete, sender=User, dispatch_uid="access.erase_deleted_login")
def erase_with_login(sender: Any, instance: User, **kwargs: Any) -> None:
    """With a login goes what was noted of its sessions and attempts, which does not refer to it."""
    logins = {instance.username, instance.email} - {""}
    personal.erase(Subject(users={instance.pk}, logins=logins))
