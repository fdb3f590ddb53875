from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from rest_framework import serializers
from rest_framework.fields import empty

from common.representation import Derived
from common.serializers import StrictSerializer
from imports.models import Import
from imports.services import begin_import


class Flag(serializers.BooleanField):
    """A truth value that has its default in a form as well; DRF reads an absent one as false."""

    default_empty_html = empty


class GivenChoice(serializers.ChoiceField):
    """A choice that a form may leave out, but not leave empty; DRF reads an empty one as absent."""

    def get_value(self, dictionary: Mapping[Any, Any]) -> Any:
        return dictionary.get(self.field_name, empty)


class UrlField(Derived, serializers.CharField):
    """Where an import is; with `path` something of it."""

    columns = ("id",)

    def __init__(self, path: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.path = path

    def make(self, import_id: UUID) -> str:
        return f"{settings.PUBLIC_URL}/v1/imports/{import_id}/{self.path}"


class PercentField(Derived, serializers.IntegerField):
    """How much of a file is worked off."""

    columns = ("state", "offset", "size", "converted", "mode", "dry_run", "checked")

    def make(self, *values: Any) -> int:
        return Import(**dict(zip(self.columns, values, strict=True))).percent


class ImportSerializer(StrictSerializer):
    """A file of rows, and how far it is; `report_url` says why rows were refused."""

    id = serializers.UUIDField(read_only=True)
    url = UrlField(help_text="Where to ask how far it is.")
    file = serializers.FileField(
        write_only=True,
        help_text="CSV with a header or JSON Lines, in UTF-8; or an Excel workbook (.xlsx).",
    )
    resource = serializers.ChoiceField(choices=Import.Resource.choices)
    mode = GivenChoice(
        choices=Import.Mode.choices,
        default=Import.Mode.GOOD,
        help_text="`all`: nothing is stored unless every row is good.",
    )
    dry_run = Flag(default=False, help_text="Check everything, store nothing.")
    notify = Flag(default=True, help_text="New orders send their SMS.")
    force = Flag(
        default=False,
        write_only=True,
        help_text="Take a file of orders without codes a second time.",
    )
    file_name = serializers.CharField(read_only=True)
    state = serializers.ChoiceField(choices=Import.State.choices, read_only=True)
    rows = serializers.IntegerField(read_only=True, help_text="Read so far.")
    created = serializers.IntegerField(read_only=True)
    updated = serializers.IntegerField(read_only=True)
    unchanged = serializers.IntegerField(read_only=True)
    refused = serializers.IntegerField(read_only=True)
    percent = PercentField()
    detail = serializers.CharField(read_only=True, help_text="Why it failed, if it did.")
    report_url = UrlField(
        "report/", help_text="CSV: the line, the field, a code and the reason for each error."
    )
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)
    finished_at = serializers.DateTimeField(read_only=True, allow_null=True)

    def create(self, validated_data: dict[str, Any]) -> Import:
        file: UploadedFile[Any] = validated_data.pop("file")
        return begin_import(
            principal=self.context["request"].auth,
            file=file,
            file_name=str(file.name),
            size=int(file.size or 0),
            **validated_data,
        )
