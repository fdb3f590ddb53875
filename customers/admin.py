from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import label_for_field
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, OperationalError, transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from access.granting import Grantor, grantor_of
from access.models import User
from access.principals import Kind, Principal
from common.admin import LockingAdmin, ReadOnlyAdmin
from common.errors import Problem, as_problem
from customers.erasing import delete_customer, erase_customer
from customers.merging import NAMES, clashes_between, merge_customers, undo_merge
from customers.models import ALIASES, Customer, Erasure, Merge

# What customers are told apart by before they are merged or erased.
SHOWN = (*ALIASES, *NAMES, "phone_number", "user", "created_at")


def principal_of(request: HttpRequest) -> str:
    """Who uses the admin, as the API writes it."""
    return str(Principal(Kind.USER, id=str(request.user.pk)))


class CustomerForm(forms.ModelForm[Customer]):
    """A customer and, if they have one, their login."""

    # Set by the admin for each request.
    grantor: Grantor

    def clean_user(self) -> User | None:
        """A login that is newly linked reaches the customer's rows and is erased with them."""
        user: User | None = self.cleaned_data["user"]
        if user is None or user.pk == self.instance.user_id or self.grantor.is_unlimited:
            return user
        if user.is_staff or not self.grantor.covers_user(user):
            raise forms.ValidationError(
                "You can link a login that is not staff's and may do nothing that you may not."
            )
        return user


@admin.register(Customer)
class CustomerAdmin(LockingAdmin):
    form = CustomerForm
    list_display = ("display_name", "code", "phone_number", "domain", "document", "created_at")
    list_display_links = ("display_name", "code")
    list_filter = ("created_at",)
    search_fields = ("name", "code", "phone_number", "domain", "document")
    autocomplete_fields = ("user",)
    readonly_fields = ("id", "created_at", "updated_at", "erased_at")
    fieldsets = (
        (None, {"fields": ("code", "name", ("first_name", "last_name"))}),
        ("Reached and known by", {"fields": ("phone_number", "domain", "document", "user")}),
        ("Written to", {"fields": (("language", "time_zone"),)}),
        ("Record", {"fields": ("id", "created_at", "updated_at", "erased_at")}),
    )
    actions = ("merge",)

    def get_form(
        self,
        request: HttpRequest,
        obj: Customer | None = None,
        change: bool = False,
        **kwargs: Any,
    ) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        return type(form.__name__, (form,), {"grantor": grantor_of(request)})

    def has_change_permission(self, request: HttpRequest, obj: Customer | None = None) -> bool:
        # Nothing more is to be known about an erased one.
        erased = obj is not None and obj.erased_at is not None
        return not erased and super().has_change_permission(request, obj)

    def delete_model(self, request: HttpRequest, obj: Customer) -> None:
        customer = Customer.objects.select_for_update().get(pk=obj.pk)
        delete_customer(customer, by=principal_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Customer]) -> None:
        with transaction.atomic():
            for customer in queryset.order_by("pk"):
                self.delete_model(request, customer)

    @admin.action(description="Merge the selected two", permissions=["delete"])
    def merge(self, request: HttpRequest, customers: QuerySet[Customer]) -> HttpResponse | None:
        """Asks which of the two stays; with an answer, merges the other into that one."""
        two = list(customers.order_by("pk").select_related("user")[:3])
        if len(two) != 2:  # noqa: PLR2004 - as the action says
            messages.error(request, "Select two customers: one is merged into the other.")
            return None
        stays = [customer for customer in two if str(customer.pk) == request.POST.get("into")]
        if not stays:
            return self.ask_which_stays(request, two)
        (gone,) = set(two) - set(stays)
        prefer = "merged" if request.POST.get("prefer") == "merged" else "into"
        merge_as_asked(request, gone, into=stays[0].pk, prefer=prefer)
        return None

    def ask_which_stays(self, request: HttpRequest, two: list[Customer]) -> HttpResponse:
        """The page on which both stand side by side."""
        rows = [
            (label_for_field(name, Customer), [getattr(customer, name) for customer in two])
            for name in SHOWN
        ]
        context = {
            **self.admin_site.each_context(request),
            "title": "Merge two customers",
            "opts": self.model._meta,
            "customers": two,
            "rows": rows,
            "clashes": clashes_between(*two),
        }
        return TemplateResponse(request, "admin/customers/customer/merge.html", context)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.erase_view)
        return [
            path("<uuid:pk>/erase/", view, name="customers_customer_erase"),
            *super().get_urls(),
        ]

    def erase_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Asks first, since it cannot be undone; a POST erases. Then it shows the receipt."""
        if not request.user.has_perm("customers.erase_customer"):
            raise PermissionDenied
        if request.method == "POST":
            erase_as_asked(request, pk)
            return redirect(request.path)
        customer = get_object_or_404(Customer, pk=pk)
        context = {
            **self.admin_site.each_context(request),
            "title": "Erase personal data",
            "opts": self.opts,
            "customer": customer,
            "rows": [(label_for_field(name, Customer), getattr(customer, name)) for name in SHOWN],
            "receipt": Erasure.objects.filter(customer_id=pk).first(),
        }
        return TemplateResponse(request, "admin/customers/customer/erase.html", context)


def merge_as_asked(request: HttpRequest, gone: Customer, *, into: UUID, prefer: str) -> None:
    """Merges, and says what came of it."""
    try:
        survivor = merge_customers(gone.pk, into=into, prefer=prefer, by=principal_of(request))
    except (Problem, IntegrityError, OperationalError) as error:
        messages.error(request, sentence(error))
    else:
        messages.success(request, f"{gone} is {survivor} now.")


def erase_as_asked(request: HttpRequest, pk: UUID) -> None:
    """Erases, or says why not."""
    try:
        with transaction.atomic():
            customer = get_object_or_404(Customer.objects.select_for_update(), pk=pk)
            erase_customer(customer, by=principal_of(request))
    except (Problem, IntegrityError, OperationalError) as error:
        messages.error(request, sentence(error))


def sentence(error: Exception) -> str:
    """What to tell of a refusal, ours or the database's. Raises what is neither."""
    problem = as_problem(error)
    if problem is None:
        raise error
    return str(problem.detail)


@admin.register(Merge)
class MergeAdmin(ReadOnlyAdmin):
    """Merges are a record; one that was a mistake is undone."""

    list_display = ("merged_id", "code", "survivor", "by", "created_at", "undone_at")
    list_select_related = ("survivor",)
    list_filter = ("created_at", "undone_at")
    search_fields = ("=merged_id", "=into_id", "code", "survivor__name", "survivor__code")
    actions = ("undo",)

    def has_undo_permission(self, request: HttpRequest) -> bool:
        """For the action: a row comes back, as with the merge one went."""
        return request.user.has_perms(["customers.add_customer", "customers.change_customer"])

    @admin.action(description="Undo the selected merges", permissions=["undo"])
    def undo(self, request: HttpRequest, merges: QuerySet[Merge]) -> None:
        """Undoes each, the latest first, and says of the others why not."""
        for merge in merges.order_by("-pk"):
            try:
                with transaction.atomic():
                    customer = undo_merge(merge.pk, by=principal_of(request))
            except (Problem, IntegrityError, OperationalError) as error:
                messages.error(request, f"{merge}: {sentence(error)}")
            else:
                messages.success(request, f"{customer} is there again.")


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    list_display = ("customer_id", "by", "created_at")
    search_fields = ("=customer_id",)
