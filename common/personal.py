"""Where personal data is stored: the one registry that erasing, deleting and exporting go by.

Each app declares its models in `personal_data.py`, which its `ready()` imports: which fields say
something about a person, how a person's rows are found, and what becomes of them. A system check
(`common.E002`) fails while a field that can hold text is declared neither personal nor impersonal.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.db import models
from django.db.models import Model, QuerySet
from rest_framework import serializers

from common.mentions import Mentions
from common.models import touched

ERASED = "erased"
# Ids that one statement names.
AT_ONCE = 500

# What can say nothing about a person by itself: numbers, times, truth values, ids, references.
IMPERSONAL_FIELDS = (
    models.AutoField,
    models.IntegerField,
    models.FloatField,
    models.DecimalField,
    models.BooleanField,
    models.DateField,
    models.DurationField,
    models.TimeField,
    models.UUIDField,
    models.ForeignKey,
)

Rows = QuerySet[Any]
Serializer = type[serializers.BaseSerializer[Any]]


@dataclass
class Subject:
    """A person, by everything that leads to what is stored about them."""

    # Their id as a customer, and those of customers who were merged into them.
    customers: set[UUID] = field(default_factory=set)
    users: set[Any] = field(default_factory=set)
    # The user names and addresses with which they log in.
    logins: set[str] = field(default_factory=set)
    # E.164: those that are nobody else's.
    phones: set[str] = field(default_factory=set)
    # What they are called, here and elsewhere.
    names: set[str] = field(default_factory=set)
    # Of their names those that somebody else has as well.
    shared: set[str] = field(default_factory=set)

    @cached_property
    def own_mentions(self) -> Mentions:
        """How their own rows name them. Only once the subject is complete."""
        return Mentions(frozenset(self.names), frozenset(self.phones))

    @cached_property
    def mentions(self) -> Mentions:
        """How rows that may be about anybody name them, and nobody else."""
        return Mentions(frozenset(self.names - self.shared), frozenset(self.phones))


# What is done to the rows of a subject; how many those were.
Erase = Callable[[Rows, Subject], int]


@dataclass(frozen=True)
class Section:
    """A member of the export: its name, and how rows are shown.

    `prepare` adds to the rows what the serializer needs.
    """

    name: str
    serializer: Serializer
    many: bool = True
    prepare: Callable[[Rows], Rows] = lambda rows: rows.order_by("pk")


@dataclass(frozen=True)
class Holding:
    """What a model stores about people. See `declare`."""

    model: type[Model]
    fields: Mapping[str, str]
    impersonal: frozenset[str]
    rows: Callable[[Subject], Rows]
    erase: Erase
    counted: str
    learn: Callable[[Rows, Subject], None] | None = None
    section: Section | None = None
    keeps_history: bool = False
    last: bool = False


_holdings: dict[type[Model], Holding] = {}
_impersonal: set[type[Model]] = set()


def declare(
    model: type[Model],
    *,
    fields: Mapping[str, str],
    rows: Callable[[Subject], Rows],
    erase: Erase,
    counted: str,
    impersonal: Collection[str] = (),
    learn: Callable[[Rows, Subject], None] | None = None,
    section: Section | None = None,
    keeps_history: bool = False,
    last: bool = False,
) -> None:
    """Says what a model stores about people.

    `fields` are the personal ones, each with a few words that say what it holds; `impersonal` are
    the others that can hold text. `rows` finds those of a subject.
    `erase` is one of `delete`, `blank(...)`, `redact(...)`, or a function like these; `counted` is
    the name of the number in the receipt. `learn` adds to the subject what the rows say of further
    names and phones. `section` shows the rows in the export. The admin's log about the rows goes,
    unless `keeps_history`; then only names and phones in it do. Copies of what other rows say are
    erased `last`: by then whoever was writing them is done.
    """
    _holdings[model] = Holding(
        model, fields, frozenset(impersonal), rows, erase, counted, learn, section,
        keeps_history, last,
    )  # fmt: skip


def declare_impersonal(*some: type[Model]) -> None:
    """Says that these models store nothing about customers."""
    _impersonal.update(some)


def holdings() -> list[Holding]:
    """All that are declared, in the order in which they are erased."""
    return sorted(_holdings.values(), key=lambda each: each.last)


def sections() -> list[tuple[Holding, Section]]:
    """What an export consists of."""
    return [(each, each.section) for each in _holdings.values() if each.section]


def undeclared() -> Iterator[str]:
    """The fields that may hold something personal, and of which nobody has said whether they do."""
    for model in apps.get_models():
        if model in _impersonal or model._meta.proxy:
            continue
        holding = _holdings.get(model)
        said = {*holding.fields, *holding.impersonal} if holding else set()
        for each in model._meta.concrete_fields:
            if not isinstance(each, IMPERSONAL_FIELDS) and each.name not in said:
                yield f"{model._meta.label}.{each.name}"


# --- Reading and erasing -----------------------------------------------------------------


def complete(subject: Subject) -> None:
    """Adds to a subject what the rows that are found by now say of further names and phones."""
    for holding in _holdings.values():
        if holding.learn:
            holding.learn(holding.rows(subject), subject)


def erase(subject: Subject) -> Counter[str]:
    """Erases everything about a subject; how many rows of each kind that met.

    In the caller's transaction, which holds a lock that keeps everybody from writing more.
    """
    counts: Counter[str] = Counter()
    for holding in holdings():
        rows = holding.rows(subject)
        ids = list(rows.values_list("pk", flat=True))
        mentions = subject.own_mentions if holding.keeps_history else None
        counts["log_entries"] += forget_history(holding.model, ids, mentions=mentions)
        if ids:
            counts[holding.counted] += holding.erase(rows, subject)
    return counts


def forget_history(
    model: type[Model], ids: Iterable[Any], *, mentions: Mentions | None = None
) -> int:
    """Overwrites what the admin's log says about these rows; how many entries.

    With `mentions`, only those are taken out.
    """
    entries = LogEntry.objects.filter(
        content_type__app_label=model._meta.app_label, content_type__model=model._meta.model_name
    )
    texts = [str(pk) for pk in ids]
    if not texts or not entries.exists():
        return 0
    number = 0
    for start in range(0, len(texts), AT_ONCE):
        about = LogEntry.objects.filter(
            pk__in=entries.filter(object_id__in=texts[start : start + AT_ONCE]).values("pk")
        )
        if mentions is None:
            number += about.update(object_repr=ERASED, change_message="")
        else:
            number += redact_rows(about, mentions, "object_repr", "change_message")
    return number


# --- What becomes of rows ----------------------------------------------------------------


def delete(rows: Rows, subject: Subject) -> int:
    """Removes the rows."""
    _, by_model = rows.order_by().delete()
    return by_model.get(rows.model._meta.label, 0)


def blank(**values: Any) -> Erase:
    """What overwrites columns of the rows with `values`."""

    def overwrite(rows: Rows, subject: Subject) -> int:
        return rows.order_by().update(**values, **touched(rows.model))

    return overwrite


def redact(*fields: str, anybodys: bool = False) -> Erase:
    """What takes names and phones out of text columns, and leaves the rest of the text.

    `anybodys`: the rows may be about others, whose names stay.
    """

    def take_out(rows: Rows, subject: Subject) -> int:
        mentions = subject.mentions if anybodys else subject.own_mentions
        return redact_rows(rows, mentions, *fields)

    return take_out


def redact_rows(rows: Rows, mentions: Mentions, *fields: str) -> int:
    """Takes mentions out of text columns of `rows`; how many rows had any."""
    number = 0
    for pk, *texts in list(mentions.among(rows, *fields).values_list("pk", *fields)):
        values = {
            name: mentions.redact(text)[: rows.model._meta.get_field(name).max_length]
            for name, text in zip(fields, texts, strict=True)
            if text is not None
        }
        own = rows.model._default_manager.filter(pk=pk)
        number += own.update(**values, **touched(rows.model))
    return number


def record_of(model: type[Model], *members: str, **descriptions: str) -> Serializer:
    """A serializer that shows these fields of a model's rows; `descriptions` are for the documents.

    For an export: what is stored, as it is stored.
    """
    names = (*members, *descriptions)
    meta = type(
        "Meta",
        (),
        {
            "model": model,
            "fields": names,
            "read_only_fields": names,
            "extra_kwargs": {name: {"help_text": text} for name, text in descriptions.items()},
        },
    )
    return type(f"{model.__name__}RecordSerializer", (serializers.ModelSerializer,), {"Meta": meta})
