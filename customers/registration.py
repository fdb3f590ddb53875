"""A customer who registers: a login and its customer, together or not at all."""

from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from access.apps import CUSTOMERS
from access.models import User
from common.errors import FieldError, Invalid
from customers.models import Customer


@transaction.atomic
def register_login(*, username: str, email: str, password: str) -> User:
    """A new login, and the customer whose login it is.

    Raises Invalid for a name that is taken or that Django does not allow, and for a password
    that its validators refuse.
    """
    user = User(username=username, email=email)
    # One form of each name, as Django's own forms have it: nobody gets a lookalike of another's.
    user.clean()
    if errors := [*name_errors(user), *password_errors(user, password)]:
        raise Invalid(*errors)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError:
        raise Invalid(taken()) from None
    user.groups.add(Group.objects.get(name=CUSTOMERS))
    Customer.objects.create(name=user.username, user=user)
    return user


def name_errors(user: User) -> list[FieldError]:
    """Why this user name or e-mail address cannot be had."""
    try:
        user.clean_fields(exclude=["password"])
    except ValidationError as error:
        return [
            FieldError(field, "invalid", message)
            for field, messages in error.message_dict.items()
            for message in messages
        ]
    return [taken()] if User.objects.filter(username=user.username).exists() else []


def taken() -> FieldError:
    """The error for a user name that somebody has."""
    return FieldError("username", "unique", "A user with that username already exists.")


def password_errors(user: User, password: str) -> list[FieldError]:
    """What Django's password validators have against this password."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        return [FieldError("password1", "password", message) for message in error.messages]
    return []
