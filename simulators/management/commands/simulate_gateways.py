"""Serve stand-ins for the outside services on this machine."""

import asyncio
import json
import os
import signal
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError

from simulators.africas_talking import AfricasTalking, Received
from simulators.http import Server
from simulators.reports import Reporter

MAX_PORT = 65_535
MAX_LATENCY = 3600.0


def loopback_address(value: str) -> str:
    """`value` if it is an address of the loopback interface; `localhost` is 127.0.0.1."""
    if value == "localhost":
        return "127.0.0.1"
    try:
        if ip_address(value).is_loopback:
            return value
    except ValueError:
        pass
    raise ArgumentTypeError(
        f"{value!r} is not a loopback address. The simulators answer anyone who asks, so "
        "they listen on 127.0.0.1 or ::1 only."
    )


def loopback_url(value: str) -> str:
    """`value` if it is an http address on the loopback interface."""
    address = urlsplit(value)
    if address.scheme != "http" or not address.hostname:
        raise ArgumentTypeError(f"{value!r} is no address that begins with http://.")
    loopback_address(address.hostname)
    return value


def port_number(value: str) -> int:
    """A TCP port; 0 asks for any free one."""
    if value.isascii() and value.isdecimal() and int(value) <= MAX_PORT:
        return int(value)
    raise ArgumentTypeError(
        f"{value!r} is not a port. Give a number from 0 (any free one) to 65535."
    )


def number_up_to(limit: float) -> Callable[[str], float]:
    """A reader of numbers from 0 to `limit`, both included."""

    def number(value: str) -> float:
        try:
            if 0 <= float(value) <= limit:
                return float(value)
        except ValueError:
            pass
        raise ArgumentTypeError(f"{value!r} is not a number from 0 to {limit:g}.")

    return number


class Command(BaseCommand):
    """`manage.py simulate_gateways`; needs neither database nor network."""

    help = (
        "Serves stand-ins for the outside services (Africa's Talking SMS) on this machine. "
        "Set AFRICAS_TALKING_URL to the address that it prints. simulators/magic.py lists "
        "the phone numbers that choose an outcome; GET /messages shows what was received."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--host", type=loopback_address, default="127.0.0.1", help="a loopback address"
        )
        parser.add_argument(
            "--port", type=port_number, default=8099, help="0 takes a free one (default 8099)"
        )
        parser.add_argument(
            "--latency",
            type=number_up_to(MAX_LATENCY),
            default=0.0,
            metavar="SECONDS",
            help="the wait before each answer (default 0)",
        )
        parser.add_argument(
            "--fail-rate",
            type=number_up_to(1),
            default=0.0,
            metavar="SHARE",
            help="the share (0 to 1) of ordinary sends that fail with HTTP 500 (default 0)",
        )
        parser.add_argument(
            "--report-url",
            type=loopback_url,
            metavar="URL",
            help="where delivery is reported to: Klanten's address for reports, secret included",
        )
        parser.add_argument(
            "--report-delay",
            type=number_up_to(MAX_LATENCY),
            default=1.0,
            metavar="SECONDS",
            help="the wait before a delivery report (default 1)",
        )
        parser.add_argument("--verbose", action="store_true", help="print each SMS received")

    def handle(
        self,
        *,
        host: str,
        port: int,
        latency: float,
        fail_rate: float,
        report_url: str | None,
        report_delay: float,
        verbose: bool,
        **_options: object,
    ) -> None:
        service = AfricasTalking(
            latency=latency,
            fail_rate=fail_rate,
            on_received=self.show if verbose else None,
            reporter=Reporter(report_url, report_delay) if report_url else None,
        )
        asyncio.run(self.serve(Server(service.routes()), host, port))

    async def serve(self, server: Server, host: str, port: int) -> None:
        """Serve until SIGTERM or SIGINT."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        try:
            await server.start(host, port)
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise CommandError(f"Cannot listen on {host}, port {port}: {reason}.") from error
        self.show_line(f"Simulated gateways listen on {server.url}")
        await stop.wait()
        await server.stop()

    def show(self, sms: Received) -> None:
        """Print an SMS; its text is quoted as in JSON, so that it stays on one line."""
        self.show_line(f"SMS to {sms.to}: {json.dumps(sms.message, ensure_ascii=False)}")

    def show_line(self, line: str) -> None:
        """Print a line now, also when the output is a pipe."""
        self.stdout.write(line)
        self.stdout.flush()
