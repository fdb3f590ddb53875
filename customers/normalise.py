"""The one stored form of what identifies a customer. Each takes any usual spelling, or refuses."""

import re
from collections.abc import Callable
from functools import wraps

import idna
import phonenumbers
from django.conf import settings
from django.core.exceptions import ValidationError
from stdnum.br import cpf
from stdnum.exceptions import ValidationError as BadNumber

LONGEST_DOMAIN = 253  # RFC 1035, 2.3.4, without the root's dot
# What IDNA leaves as it is: lower-case letters, digits and hyphens, none of them where RFC 5891
# (4.2.3.1) forbids it. Nine of ten domains; asking the tables about each letter takes long.
PLAIN_LABEL = r"(?!..--)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
PLAIN_DOMAIN = re.compile(rf"{PLAIN_LABEL}(\.{PLAIN_LABEL})+")
MOST_REMEMBERED = 10_000


def remembering(normalise: Callable[[str], str]) -> Callable[[str], str]:
    """`normalise`, which knows what it has come to lately.

    Text is normalised when it comes in and again when it is stored or looked for; of many
    rows that is half of all the work.
    """
    lately: set[str] = set()

    @wraps(normalise)
    def remembered(text: str) -> str:
        if text in lately:
            return text
        stored = normalise(text)
        if len(lately) >= MOST_REMEMBERED:
            lately.clear()
        lately.add(stored)
        return stored

    return remembered


@remembering
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


@remembering
def normalise_domain(text: str) -> str:
    """Lower-case A-labels (RFC 5891), no dot at the end: `Köln.Example.` -> `xn--kln-sna.example`.

    Raises ValidationError for what is no domain name.
    """
    if not text:
        return ""
    domain = as_labels(text.rstrip("."))
    top = domain.rpartition(".")[2]
    if not top or top == domain or top.isdecimal() or len(domain) > LONGEST_DOMAIN:
        raise ValidationError("This is no domain name, such as example.com.", code="domain")
    return domain


def as_labels(text: str) -> str:
    """`text` as lower-case A-labels; "" if there is no such form."""
    if PLAIN_DOMAIN.fullmatch(text):
        return text
    try:
        return str(idna.encode(text, uts46=True).decode("ascii").lower())
    except idna.IDNAError:
        return ""


@remembering
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
