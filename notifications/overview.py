"""The admin's page about deliveries: how they are doing, and where somebody is needed."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from common.admin_site import Page, register
from notifications import numbers
from notifications.models import Message

TITLE = "Deliveries"
# Of these somebody should look at each.
LOOKED_AT = (Message.Status.UNKNOWN, Message.Status.FAILED, Message.Status.UNDELIVERED)


def deliveries(request: HttpRequest) -> HttpResponse:
    """The numbers of a moment ago."""
    context = {
        **admin.site.each_context(request),
        "title": TITLE,
        "opts": Message._meta,
        "numbers": numbers.overview(),
        "most": numbers.MOST,
        "looked_at": LOOKED_AT,
    }
    return render(request, "notifications/deliveries.html", context)


register(
    Page(
        app_label="notifications",
        name="deliveries",
        title=TITLE,
        view=deliveries,
        permission="notifications.view_message",
    )
)
