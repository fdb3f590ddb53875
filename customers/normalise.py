"""The one stored form of what identifies a customer. Each takes any usual spelling, or refuses."""

import re
from collections.abc import Callable
from functools import cache, wraps
from zoneinfo import available_timezones

import idna
import phonenumbers
from django.conf import settings
from django.core.exceptions import ValidationError
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata, PhoneNumber
from stdnum.br import cpf

from common.text import refuse_foreign_digits

LONGEST_DOMAIN = 253  # RFC 1035, 2.3.4, without the root's dot
# BCP 47 without what no template is written for: a language, and maybe a script and a region.
LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z]{4})?(-([a-z]{2}|[0-9]{3}))?")
# A CPF with its dots, its dash and spaces around them.
LONGEST_DOCUMENT = 100
SCRIPT_LENGTH = 4
LONGEST_LANGUAGE = len("zho-Hant-419")
LONGEST_TIME_ZONE = 64
# What IDNA leaves as it is: lower-case letters, digits and hyphens, none of them where RFC 5891
# (4.2.3.1) forbids it. Nine of ten domains; asking the tables about each letter takes long.
PLAIN_LABEL = r"(?!..--)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
PLAIN_DOMAIN = re.compile(rf"{PLAIN_LABEL}(\.{PLAIN_LABEL})+")
PLAIN_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
MOST_REMEMBERED = 10_000
NO_PHONE = "This is no phone number. Give it with its country code: +254712345678."
NO_CPF = "This is no valid CPF."


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
    refuse_foreign_digits(text, NO_PHONE)
    digits = with_country_code(text.replace(" ", ""), settings.PHONE_DEFAULT_REGION)
    if PLAIN_E164.fullmatch(digits) and (number := plainly_read(digits)):
        return f"+{number.country_code}{number.national_number}"
    try:
        number = phonenumbers.parse(text, settings.PHONE_DEFAULT_REGION)
    except phonenumbers.NumberParseException:
        number = None
    # An extension cannot be kept in E.164, nor be sent an SMS.
    if number is None or number.extension or not phonenumbers.is_valid_number(number):
        raise ValidationError(NO_PHONE, code="phone")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def with_country_code(digits: str, region: str) -> str:
    """A number as dialled within `region`, for abroad; anything else as it is."""
    if digits.startswith("0") and (code := code_beside_zero(region)):
        return f"+{code}{digits[1:]}"
    return digits


@cache
def code_beside_zero(region: str) -> int | None:
    """The country code that stands in the place of a region's leading 0, if it is as simple."""
    metadata = PhoneMetadata.metadata_for_region(region)
    simple = metadata is not None and metadata.national_prefix_for_parsing == "0"
    return phonenumbers.country_code_for_region(region) if simple else None


def plainly_read(digits: str) -> PhoneNumber | None:
    """The number that `+` and digits spell, if it is valid as it stands.

    Most come so; the library's parser, ready for any spelling, takes three times as long.
    """
    for length in (1, 2, 3):
        country, national = digits[1 : 1 + length], digits[1 + length :]
        if int(country) in COUNTRY_CODE_TO_REGION_CODE and not national.startswith("0"):
            number = PhoneNumber(country_code=int(country), national_number=int(national))
            return number if phonenumbers.is_valid_number(number) else None
    return None


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
    refuse_foreign_digits(text, NO_CPF)
    try:
        # stdnum takes microseconds for each character, and seconds for a body full of them.
        digits = str(cpf.validate(text)) if len(text) <= LONGEST_DOCUMENT else ""
    except ValueError:
        digits = ""
    # Eleven equal digits pass the arithmetic; nobody is given such a number.
    if len(set(digits)) <= 1:
        raise ValidationError(NO_CPF, code="document")
    return digits


def normalise_language(text: str) -> str:
    """A language tag (BCP 47) in its usual spelling: `pt_br` -> `pt-BR`.

    Raises ValidationError for what is none.
    """
    if not text:
        return ""
    tag = text.replace("_", "-").lower()
    if not LANGUAGE.fullmatch(tag):
        raise ValidationError("This is no language tag, such as en or pt-BR.", code="language")
    language, *others = tag.split("-")
    spelled = (part.title() if len(part) == SCRIPT_LENGTH else part.upper() for part in others)
    return "-".join([language, *spelled])


@cache
def time_zones() -> dict[str, str]:
    """Every name of the IANA database, by the same in lower case."""
    return {name.lower(): name for name in available_timezones()}


def normalise_time_zone(text: str) -> str:
    """A name of the IANA database: `africa/nairobi` -> `Africa/Nairobi`.

    Raises ValidationError for what is none.
    """
    if not text:
        return ""
    if text.lower() not in time_zones():
        raise ValidationError("This is no time zone, such as Africa/Nairobi.", code="time_zone")
    return time_zones()[text.lower()]
