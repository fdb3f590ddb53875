"""Every address of the installation that is not in the API's document, from Django's resolver."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import apps
from django.contrib.auth.models import Permission
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RegexPattern
from django.utils.regex_helper import normalize

from access.models import User
from tests.fuzz_pages import PASSWORD, PEOPLE

CONVERTED = re.compile(r"<(?:\w+:)?(\w+)>")
# What the API's own fuzzer asks for.
IN_THE_DOCUMENT = ("/v1", "/api/v1")


def addresses() -> list[str]:
    """Templates such as `/admin/items/item/{object_id}/change/`."""
    found = {
        template
        for template, view in patterns(get_resolver().url_patterns, "/")
        if not template.startswith(IN_THE_DOCUMENT) and not hasattr(view_class(view), "resource")
    }
    return sorted(found)


def view_class(view: Any) -> Any:
    return getattr(view, "cls", None) or getattr(view, "view_class", None)


def patterns(found: Sequence[URLPattern | URLResolver], before: str) -> Iterator[tuple[str, Any]]:
    """The template of each address below `before`, and its view."""
    for each in found:
        template = before + template_of(each.pattern)
        if isinstance(each, URLPattern):
            yield template, each.callback
        else:
            yield from patterns(each.url_patterns, template)


def template_of(pattern: Any) -> str:
    """A pattern with its parameters in braces; of a regular expression the first that fits."""
    text = str(pattern)
    if not isinstance(pattern, RegexPattern):
        return CONVERTED.sub(r"{\1}", text)
    template, parameters = next(iter(normalize(text)))
    return template % {name: f"{{{name}}}" for name in parameters}


def describe() -> None:
    """Prints the addresses, and the id of a row for those of the admin that are about one."""
    rows = {}
    for model in apps.get_models():
        row = model._default_manager.order_by("pk").first()
        if row is not None:
            rows[f"/admin/{model._meta.app_label}/{model._meta.model_name}/"] = str(row.pk)
    print(json.dumps({"addresses": addresses(), "rows": rows}))


def make_people() -> None:
    """Makes those who log in, or as they were: one who may look at everything, one who may all."""
    for name in PEOPLE:
        user, _ = User.objects.get_or_create(username=name)
        user.is_staff = user.is_active = True
        user.is_superuser = name == "fuzz-superuser"
        user.set_password(PASSWORD)
        user.save()
        user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
        user.user_permissions.add(*Permission.objects.filter(codename__startswith="add_"))
