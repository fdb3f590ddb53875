"""The one stored form of what identifies a customer. Each takes any usual spelling, or refuses."""

import idna
import phonenumbers
from django.conf import settings
from django.core.exceptions import ValidationError
from stdnum.br import cpf
from stdnum.exceptions import ValidationError as BadNumber

LONGEST_DOMAIN = 253  # RFC 1035, 2.3.4, without the root's dot


def normalise_phone(text: str) -> str:
    """E.164 (`+254712345678`). Without a country code it is read as PHONE_DEFAULT_REGION's.

    Raises ValidationError for what is no possible subscriber's number.
    """
    if not text:
        return ""
    try:
        number = phonenumbers.parse(text, settings.PHONE_DEFAULT_REGION)
    except phonenumbers.NumberParseException:
        number = None
    # An extension cannot be kept in E.164, nor be sent an SMS.
    if number is None or number.extension or not phonenumbers.is_valid_number(number):
        raise ValidationError(
            "This is no phone number. Give it with its country code: +254712345678.",
            code="phone",
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def normalise_domain(text: str) -> str:
    """Lower-case A-labels (RFC 5891), no dot at the end: `Köln.Example.` -> `xn--kln-sna.example`.

    Raises ValidationError for what is no domain name.
    """
    if not text:
        return ""
    try:
        domain = idna.encode(text.rstrip("."), uts46=True).decode("ascii").lower()
    except idna.IDNAError:
        domain = ""
    top = domain.rpartition(".")[2]
    if not top or top == domain or top.isdecimal() or len(domain) > LONGEST_DOMAIN:
        raise ValidationError("This is no domain name, such as example.com.", code="domain")
    return domain


def normalise_document(text: str) -> str:
    """The eleven digits of a CPF; dots and the dash may be given.

    Raises ValidationError when the check digits do not fit (Receita Federal's rule).
    """
    if not text:
        return ""
    try:
        digits = str(cpf.validate(text))
    except BadNumber:
        digits = ""
    # Eleven equal digits pass the arithmetic; nobody is given such a number.
    if len(set(digits)) <= 1:
        raise ValidationError("This is no valid CPF.", code="document")
    return digits
