"""Form fields for numbers, times and ids that take ASCII digits only, as the API does."""

from typing import Any

from django import forms

from common.text import refuse_foreign_digits


class AsciiDigits(forms.Field):
    """Refuses digits of other scripts, which Django's fields would read as 0 to 9."""

    def clean(self, value: Any) -> Any:
        # A field of several inputs, such as a date and a time, gets a list.
        for text in value if isinstance(value, list | tuple) else [value]:
            refuse_foreign_digits(text, str(self.error_messages["invalid"]))
        return super().clean(value)


class IdField(AsciiDigits, forms.UUIDField):
    """A UUID."""


class WholeNumberField(AsciiDigits, forms.IntegerField):
    """A whole number."""


class NumberField(AsciiDigits, forms.DecimalField):
    """A number with decimals."""


class DateField(AsciiDigits, forms.DateField):
    """A day."""


class DateAndTimeField(AsciiDigits, forms.SplitDateTimeField):
    """A day and a time of day, each in an input of its own."""

    default_error_messages = {
        **forms.SplitDateTimeField.default_error_messages,
        "invalid": "Enter a valid date and time.",
    }
