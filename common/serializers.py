"""The base of every representation."""

import re
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from django.core.exceptions import ValidationError as ModelValidationError
from django.core.validators import MaxLengthValidator, ProhibitNullCharactersValidator
from django.db.models import Model
from django.http import QueryDict
from django.utils.functional import cached_property
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.fields import empty
from rest_framework.validators import ProhibitSurrogateCharactersValidator

from common.text import (
    has_foreign_digits,
    is_plain,
    validate_foreign_id,
    validate_lines,
    validate_one_line,
)

# Decimal would also read underscores, other scripts' digits and NaN.
PLAIN_NUMBER = re.compile(r"\s*[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?\s*")

# The rule for one line of text says the same, and more.
COVERED = (ProhibitNullCharactersValidator, ProhibitSurrogateCharactersValidator)

FieldErrors = dict[str, list[ErrorDetail]]
S = TypeVar("S", bound=serializers.Serializer[Any])


def given(data: Mapping[str, Any]) -> set[str]:
    """The names of the members of a body; in a form, `lines[0]item` is the member `lines`."""
    if isinstance(data, QueryDict):
        return {name.partition("[")[0] for name in data}
    return set(data)


def clash(*names: str) -> FieldErrors:
    """An error for each of some members that do not go together."""
    detail = f"These fields do not go together: {', '.join(names)}."
    return {name: [ErrorDetail(detail, code="clash")] for name in names}


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses members it does not know: a mistyped one would be lost without a word.

    Read-only members are let through and ignored, so that what was read can be sent back.
    """

    def to_internal_value(self, data: Any) -> Any:
        # Before and beside the fields' own validation: every error is told at once.
        presence = self.presence_errors(data) if isinstance(data, Mapping) else {}
        try:
            value = super().to_internal_value(data)
        except ValidationError as error:
            raise ValidationError({**presence, **error.detail}) from error  # type: ignore[dict-item]
        if presence:
            raise ValidationError(presence)
        return value

    def presence_errors(self, data: Mapping[str, Any]) -> FieldErrors:
        """What is wrong with which members are there, whatever their values."""
        return {
            name: [ErrorDetail("There is no such field.", code="unknown")]
            for name in sorted(given(data) - self.names)
        }

    @cached_property
    def _writable_fields(self) -> list[Any]:
        # DRF looks for them anew for each row that one serializer validates.
        return list(super()._writable_fields)

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of all members."""
        return frozenset(self.fields)


class RowSerializer(StrictSerializer):
    """Stores what it validated as a row of `model`: for rows that no service decides about."""

    model: type[Model]

    def create(self, validated_data: dict[str, Any]) -> Any:
        return self.model._default_manager.create(**validated_data)

    def update(self, instance: Any, validated_data: dict[str, Any]) -> Any:
        for member, value in validated_data.items():
            setattr(instance, member, value)
        instance.save()
        return instance


_made = threading.local()
# What a serializer keeps of the body that it was given last.
OF_ONE_BODY = ("_validated_data", "_errors", "_data")


def reused(cls: type[S], *args: Any, **kwargs: Any) -> S:
    """A serializer for a request, with the fields that were made for this thread's last one.

    To make an order's fields anew takes longer than to look at an order. For a class whose
    fields are the same for everybody, and that is done with before it is asked for again.
    """
    made: dict[str, S] = _made.__dict__
    serializer = made.setdefault(f"{cls.__module__}.{cls.__qualname__}", cls.__new__(cls))
    for name in OF_ONE_BODY:
        serializer.__dict__.pop(name, None)
    cls.__init__(serializer, *args, **kwargs)
    return serializer


class Text(serializers.CharField):
    """One line of text. A number or a truth value is a mistake, not a spelling of it."""

    validate_characters = staticmethod(validate_one_line)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        others = [each for each in self.validators if not isinstance(each, COVERED)]
        self.validators = [*others, self.validate_characters]

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)

    def run_validation(self, data: Any = empty) -> Any:
        # Text that is there and not blank: none of DRF's questions about that.
        if type(data) is not str or not data or data.isspace():
            return super().run_validation(data)
        value = self.to_internal_value(data)
        self.run_validators(value)
        return value

    def run_validators(self, value: str) -> None:
        # What nearly all text passes at once; the validators, one by one, take as long as
        # everything else that is done with it.
        short = self.max_length is None or len(value) <= self.max_length
        if not (self.has_usual_validators and short and is_plain(value)):
            super().run_validators(value)

    @cached_property
    def has_usual_validators(self) -> bool:
        """Whether nothing but the length and the characters is looked at."""
        return all(
            each is self.validate_characters or isinstance(each, MaxLengthValidator)
            for each in self.validators
        )


class Lines(Text):
    """Text that may have several lines, such as a description."""

    validate_characters = staticmethod(validate_lines)


class ForeignId(Text):
    """An id that another system made up, with whatever characters."""

    validate_characters = staticmethod(validate_foreign_id)


class Id(serializers.UUIDField):
    """A UUID, written as one; DRF would also read numbers."""

    def to_internal_value(self, data: Any) -> UUID:
        if not isinstance(data, str) or has_foreign_digits(data):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class WholeNumber(serializers.IntegerField):
    """A whole number, in ASCII digits."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, str) and has_foreign_digits(data):
            self.fail("invalid")
        return super().to_internal_value(data)


class Moment(serializers.DateTimeField):
    """A time, in ASCII digits."""

    def to_internal_value(self, value: Any) -> datetime:
        if isinstance(value, str) and has_foreign_digits(value):
            self.fail("invalid", format="YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]")
        return super().to_internal_value(value)


class NormalisedField(Text):
    """Text that `normalise` brings into its one stored form, or refuses."""

    def __init__(self, normalise: Callable[[str], str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.normalise = normalise

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        try:
            validate_one_line(text)
            return self.normalise(text)
        except ModelValidationError as error:
            raise ValidationError(error.messages, code=error.code) from error


class MoneyField(serializers.DecimalField):
    """An amount: a number or a string on the way in, a string with two decimals on the way out.

    At most 14 digits, not negative. The currency stands beside it.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"max_digits": 14, "decimal_places": 2, "min_value": 0, **kwargs})

    def to_internal_value(self, data: Any) -> Decimal:
        if isinstance(data, bool) or (isinstance(data, str) and not PLAIN_NUMBER.fullmatch(data)):
            self.fail("invalid")
        # Adding nothing turns -0 into 0.
        return super().to_internal_value(data) + 0

    def to_representation(self, value: Any) -> str:
        amount = value if isinstance(value, Decimal) else Decimal(value)
        return f"{amount:.2f}"
