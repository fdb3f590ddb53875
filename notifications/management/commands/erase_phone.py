"""`manage.py erase_phone +254712345678`: forgets a phone that no customer has."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from common import personal
from customers.models import Customer
from customers.normalise import normalise_phone


class Command(BaseCommand):
    """For somebody who wrote to us, or was a customer, and is not one now."""

    help = "Erase what is stored about a phone that no customer has. An opt-out stays in force."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("phone", help="With its country code: +254712345678.")

    def handle(self, *args: Any, phone: str, **options: Any) -> None:
        try:
            number = normalise_phone(phone)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        if customer := Customer.objects.filter(phone_number=number).first():
            raise CommandError(f"It is the phone of a customer; erase that one: {customer.pk}.")
        with transaction.atomic():
            counts = personal.erase(personal.Subject(phones={number}))
        for kind, rows in sorted(counts.items()):
            if rows:
                self.stdout.write(f"{kind}: {rows}")
        self.stdout.write("Erased.")
