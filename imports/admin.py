from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from rest_framework.exceptions import PermissionDenied as RightMissing

from access.people import person_by_id
from access.principals import Principal
from common.admin import ReadOnlyAdmin
from common.errors import Conflict
from common.uploads import takes_file
from imports.models import Import
from imports.report import report_of
from imports.services import begin_import, digest_of, refuse_repeat, require_right


class ImportForm(forms.ModelForm):  # type: ignore[type-arg]
    """A file to hand in, and what is to be done with it."""

    file = forms.FileField(
        help_text="CSV with a header or JSON Lines, in UTF-8; or the first sheet of an .xlsx."
    )
    force = forms.BooleanField(
        required=False,
        label="Import it again",
        help_text="Place the orders of a file that was handed in before a second time.",
    )
    # Set by the admin for each request.
    principal: Principal | None

    class Meta:
        model = Import
        fields = ("resource", "mode", "dry_run", "notify")

    def clean_resource(self) -> str:
        resource: str = self.cleaned_data["resource"]
        if self.principal is None:
            raise forms.ValidationError("You are not active any more.")
        try:
            require_right(self.principal, resource)
        except RightMissing as error:
            raise forms.ValidationError(str(error.detail)) from error
        return resource

    def clean_file(self) -> "UploadedFile[Any]":
        file: UploadedFile[Any] = self.cleaned_data["file"]
        if (file.size or 0) > settings.MAX_UPLOAD_BYTES:
            raise forms.ValidationError("The file is too large.")
        return file

    def clean(self) -> dict[str, Any]:
        members: dict[str, Any] = super().clean() or self.cleaned_data
        orders = members.get("resource") == Import.Resource.ORDERS and not members["dry_run"]
        if orders and not members["force"] and "file" in members:
            try:
                refuse_repeat(digest_of(members["file"]))
            except Conflict as error:
                self.add_error("force", str(error.detail))
        return members


@admin.register(Import)
class ImportAdmin(ReadOnlyAdmin):
    list_display = ("file_name", "resource", "state", "percent", *Import.COUNTS, "created_at")
    list_filter = ("state", "resource", "created_at")
    search_fields = ("file_name", "principal")
    fieldsets = (
        (None, {"fields": ("file_name", "resource", ("mode", "dry_run", "notify"), "principal")}),
        ("How far it is", {"fields": ("state", "percent", Import.COUNTS, "detail", "report")}),
        ("Record", {"fields": ("id", "created_at", "finished_at")}),
    )
    add_fieldsets = (
        (None, {"fields": ("file", "resource", "mode", "dry_run", "notify", "force")}),
    )
    readonly_fields = ("percent", "report")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return admin.ModelAdmin.has_add_permission(self, request)

    @takes_file("imports.add_import")
    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().add_view(request, *args, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return super().get_fieldsets(request, obj) if obj else self.add_fieldsets

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        if obj:
            return super().get_form(request, obj, change, **kwargs)
        principal = person_by_id(request.user.pk)  # type: ignore[arg-type]  # who logged in
        return type("RequestsForm", (ImportForm,), {"principal": principal})

    def save_form(self, request: HttpRequest, form: Any, change: Any) -> Import:
        members = form.cleaned_data
        file = members.pop("file")
        form.save_m2m = lambda: None
        return begin_import(
            principal=form.principal, file=file, file_name=file.name, size=file.size, **members
        )

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """It is stored already, with its file."""

    def get_urls(self) -> list[URLPattern]:
        report = self.admin_site.admin_view(self.report_view)
        return [
            path("<uuid:pk>/report/", report, name="imports_import_report"),
            *super().get_urls(),
        ]

    def report_view(self, request: HttpRequest, pk: str) -> StreamingHttpResponse:
        """The report, as a file."""
        one = get_object_or_404(Import, pk=pk)
        if not self.has_view_permission(request, one):
            raise PermissionDenied
        name = f'attachment; filename="import-{one.pk}.csv"'
        return StreamingHttpResponse(
            report_of(one), content_type="text/csv", headers={"Content-Disposition": name}
        )

    @admin.display(description="report")
    def report(self, one: Import) -> str:
        url = reverse("admin:imports_import_report", args=[one.pk])
        return format_html('<a href="{}">which rows are refused, and why</a>', url)
