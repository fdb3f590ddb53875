from dataclasses import asdict
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from common.admin import ReadOnlyAdmin
from common.errors import Problem
from notifications import consent, kinds, services
from notifications.models import (
    ConsentChange,
    Decision,
    ErasedOptOut,
    IncomingMessage,
    Message,
    OptOut,
    Report,
    Spending,
    Template,
)
from notifications.preview import Preview, preview_of


class ReadOnlyInline(admin.TabularInline[Any, Message]):
    """What belongs to a message, and is looked at only."""

    extra = 0
    can_delete = False
    ordering = ("id",)

    def has_add_permission(  # type: ignore[override]  # an inline's takes the parent as well
        self, request: HttpRequest, obj: Message | None
    ) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class DecisionInline(ReadOnlyInline):
    model = Decision
    fields = ("created_at", "action", "by", "was", "reason")
    readonly_fields = fields


class ReportInline(ReadOnlyInline):
    model = Report
    fields = ("created_at", "status", "failure_reason", "network_code", "provider_id")
    readonly_fields = fields


class KindFilter(admin.SimpleListFilter):
    """By the kinds there are; Django would look for them in every row."""

    title = "kind"
    parameter_name = "kind"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        return kinds.choices()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    """Messages are a record; those whose outcome nobody knows are settled by the actions."""

    list_display = ("to", "kind", "status", "attempts", "sent_at", "last_error", "created_at")
    list_filter = ("status", KindFilter, "created_at")
    search_fields = ("to", "text", "provider_id", "customer__name", "customer__code")
    date_hierarchy = "created_at"
    inlines = (DecisionInline, ReportInline)
    actions = ("send_again", "mark_as_sent")

    def has_settle_permission(self, request: HttpRequest) -> bool:
        """For the actions: a message's own fields can be changed by nobody."""
        return request.user.has_perm("notifications.change_message")

    @admin.action(description="Send again", permissions=["settle"])
    def send_again(self, request: HttpRequest, rows: QuerySet[Message]) -> HttpResponse | None:
        """Asks first: what is unknown may arrive twice."""
        if request.POST.get("confirmed"):
            self.settle(request, rows, services.resend, "queued again")
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": "Send again?",
            "opts": self.opts,
            "rows": rows,
            "unknown": rows.filter(status=Message.Status.UNKNOWN).count(),
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
        }
        return render(request, "notifications/send_again.html", context)

    @admin.action(description="Mark as sent", permissions=["settle"])
    def mark_as_sent(self, request: HttpRequest, rows: QuerySet[Message]) -> None:
        self.settle(request, rows, services.mark_as_sent, "marked as sent")

    def settle(
        self, request: HttpRequest, rows: QuerySet[Message], service: Any, done: str
    ) -> None:
        """Does `service` to each of `rows` that it may be done to, and says of others why not."""
        settled = 0
        for row in rows:
            try:
                with transaction.atomic():
                    # As it is now, not as the list showed it.
                    message = Message.objects.select_for_update().get(pk=row.pk)
                    service(message, by=f"user:{request.user.pk}", reason="In the admin.")
            except Problem as problem:
                messages.error(request, f"{row}: {problem.detail}")
            else:
                settled += 1
        if settled:
            messages.success(request, f"{settled} {done}.")


class TemplateForm(forms.ModelForm):  # type: ignore[type-arg]
    """A template, with the kinds there are to choose from."""

    kind = forms.ChoiceField(choices=kinds.choices)

    class Meta:
        model = Template
        fields = ("kind", "language", "text", "essential", "active")
        widgets = {"text": forms.Textarea({"rows": 5, "cols": 70})}


@admin.register(Template)
class TemplateAdmin(admin.ModelAdmin[Template]):
    """What messages say, with a preview that follows what is typed."""

    form = TemplateForm
    list_display = ("kind", "language", "shortened", "length", "essential", "active")
    list_filter = ("kind", "language", "active")
    search_fields = ("text",)
    ordering = ("kind", "language")
    readonly_fields = ("preview",)
    fields = ("kind", "language", "text", "preview", "essential", "active")

    class Media:
        js = ("notifications/template.js",)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.preview_view)
        return [path("preview/", view, name="notifications_template_preview"), *super().get_urls()]

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """The preview of the kind and the text in the form, as JSON."""
        if not self.has_view_or_change_permission(request):
            return HttpResponse(status=403)
        shown = preview_of(request.POST.get("kind", ""), request.POST.get("text", ""))
        return JsonResponse(asdict(shown))

    @admin.display(description="Preview")
    def preview(self, template: Template) -> str:
        """The text with the kind's examples, and its length as an SMS."""
        shown = Preview("", "Type a text to see it with the examples of its kind.")
        if template.text and template.kind:
            shown = preview_of(template.kind, template.text)
        return format_html(
            '<div id="template-preview" data-url="{}"><p class="template-text">{}</p>'
            '<p class="template-summary">{}</p><p class="template-variables">{}</p></div>',
            reverse("admin:notifications_template_preview"),
            shown.text,
            shown.summary,
            shown.variables,
        )

    @admin.display(description="Text")
    def shortened(self, template: Template) -> str:
        return template.text if len(template.text) <= 80 else f"{template.text[:79]}…"  # noqa: PLR2004

    @admin.display(description="Length")
    def length(self, template: Template) -> str:
        return preview_of(template.kind, template.text).summary


@admin.register(OptOut)
class OptOutAdmin(admin.ModelAdmin[OptOut]):
    """Phones that want no messages; each change is on record as a consent change."""

    list_display = ("phone", "source", "created_at")
    search_fields = ("phone",)
    fields = ("phone",)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: OptOut, form: forms.ModelForm[OptOut], change: bool
    ) -> None:
        consent.opt_out(obj.phone, source=f"user:{request.user.pk}")
        # The admin goes on with the instance of its form.
        obj.pk = OptOut.objects.values_list("pk", flat=True).get(phone=obj.phone)

    def delete_model(self, request: HttpRequest, obj: OptOut) -> None:
        consent.opt_in(obj.phone, source=f"user:{request.user.pk}")

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[OptOut]) -> None:
        for opted_out in queryset:
            self.delete_model(request, opted_out)


@admin.register(ErasedOptOut)
class ErasedOptOutAdmin(ReadOnlyAdmin):
    """Whoever wants messages again is added to the opt-outs, and deleted there."""

    list_display = ("digest", "source", "created_at")


@admin.register(ConsentChange)
class ConsentChangeAdmin(ReadOnlyAdmin):
    list_display = ("phone", "opted_out", "source", "created_at")
    list_filter = ("opted_out", "created_at")
    search_fields = ("phone",)


@admin.register(IncomingMessage)
class IncomingMessageAdmin(ReadOnlyAdmin):
    list_display = ("phone", "text", "to", "created_at")
    list_filter = ("created_at",)
    search_fields = ("phone", "text")


@admin.register(Report)
class ReportAdmin(ReadOnlyAdmin):
    list_display = ("phone", "status", "failure_reason", "message", "provider_id", "created_at")
    list_filter = (("message", admin.EmptyFieldListFilter), "created_at")
    list_select_related = ("message",)
    search_fields = ("phone", "provider_id")


@admin.register(Spending)
class SpendingAdmin(ReadOnlyAdmin):
    list_display = ("day", "principal", "messages", "amount", "currency")
    list_filter = ("day",)
    search_fields = ("principal",)
