"""Model fields that store one form only, so that forms and the admin normalise as the API does."""

from collections.abc import Callable
from typing import Any

from django.db import models

from customers.normalise import (
    normalise_document,
    normalise_domain,
    normalise_language,
    normalise_phone,
    normalise_time_zone,
)

LONGEST_SPELLING = 300


class NormalisedCharField(models.CharField[Any, Any]):
    """Text in its one stored form. With `null=True`, an absent one is NULL, never ""."""

    normalise: Callable[[str], str]

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None if self.null else ""
        return type(self).normalise(text.strip())

    def formfield(self, **kwargs: Any) -> Any:
        """A form field for any spelling; the stored one is shorter."""
        return super().formfield(**{"max_length": LONGEST_SPELLING, **kwargs})


class PhoneNumberField(NormalisedCharField):
    normalise = staticmethod(normalise_phone)


class DomainField(NormalisedCharField):
    normalise = staticmethod(normalise_domain)


class DocumentField(NormalisedCharField):
    normalise = staticmethod(normalise_document)


class LanguageField(NormalisedCharField):
    normalise = staticmethod(normalise_language)


class TimeZoneField(NormalisedCharField):
    normalise = staticmethod(normalise_time_zone)
