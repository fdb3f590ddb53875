"""Headers of proxies from those who are none, and deployments that trust no proxy."""

import os
import re
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

from common.client_ip import NOWHERE, client_ip
from common.networks import parse_networks
from tests.faults.server import serving
from tests.processes import ROOT
from tests.test_container import cloudformation, services

PROXY, STRANGER = "10.0.0.1", "198.51.100.9"


@pytest.fixture
def https(settings: Settings) -> None:
    """An installation behind one proxy that holds the certificate."""
    settings.PUBLIC_URL = "https://klanten.example"
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_HSTS_SECONDS = 60
    settings.TRUSTED_PROXIES = parse_networks("10.0.0.0/8")


def found(*, deploy: bool = False) -> set[str]:
    return {str(each.id) for each in run_checks(include_deployment_checks=deploy)}


# --- X-Forwarded-Proto and X-Forwarded-Host -------------------------------------------------


@pytest.mark.usefixtures("https")
@pytest.mark.parametrize(
    ("peer", "forwarded", "is_believed"),
    [
        (PROXY, "https", True),
        ("::ffff:10.0.0.1", "https", True),
        (PROXY, "http", False),
        (PROXY, "", False),
        (PROXY, "HTTPS\0", False),
        (STRANGER, "https", False),
        (f"::ffff:{STRANGER}", "https", False),
        ("10.0.0.1.example", "https", False),
        ("", "https", False),
        ("127.0.0.1", "https", False),
    ],
)
@pytest.mark.parametrize("path", ["/v1/orders/", "/admin/login/"])
@pytest.mark.undocumented  # a redirect to https
@pytest.mark.django_db
def test_https_is_believed_from_proxies_only(
    client: Client, peer: str, forwarded: str, is_believed: bool, path: str
) -> None:
    answer = client.get(path, headers={"X-Forwarded-Proto": forwarded}, REMOTE_ADDR=peer)

    assert (answer.status_code != 301) is is_believed
    assert ("Strict-Transport-Security" in answer) is is_believed
    if not is_believed:
        assert answer["Location"] == f"https://testserver{path}"


@pytest.mark.usefixtures("https")
def test_nobody_is_believed_without_proxies(client: Client, settings: Settings) -> None:
    settings.TRUSTED_PROXIES = ()

    for peer in (PROXY, STRANGER):
        answer = client.get("/login/", headers={"X-Forwarded-Proto": "https"}, REMOTE_ADDR=peer)
        assert answer.status_code == 301


@pytest.mark.parametrize("peer", [PROXY, STRANGER])
@pytest.mark.parametrize("header", ["X-Forwarded-Host", "X-Forwarded-Server", "Forwarded"])
@pytest.mark.usefixtures("https")
def test_nobody_is_believed_about_the_host(client: Client, peer: str, header: str) -> None:
    spoof = {header: "host=evil.example" if header == "Forwarded" else "evil.example"}
    answer = client.get("/login/", headers=spoof, REMOTE_ADDR=peer)

    assert answer["Location"] == "https://testserver/login/"


# --- X-Forwarded-For ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "expected"),
    [
        # A load balancer that adds the address it was called from, and clients who came first.
        ("10.0.0.0/16", "10.0.3.4", "203.0.113.7", "203.0.113.7"),
        ("10.0.0.0/16", "10.0.3.4", "1.1.1.1, 10.0.0.9, 203.0.113.7", "203.0.113.7"),
        ("10.0.0.0/16", "10.1.0.1", "203.0.113.7", "10.1.0.1"),
        # A network that is written as the server sees it when it listens on IPv6.
        ("::ffff:10.0.0.0/112", "10.0.3.4", "203.0.113.7", "203.0.113.7"),
        ("::ffff:10.0.0.0/112", "::ffff:10.0.3.4", "::ffff:203.0.113.7", "203.0.113.7"),
        ("::ffff:10.0.3.4", "10.0.3.4", "203.0.113.7", "203.0.113.7"),
        ("fd00::/8", "fd00::1", "[2001:db8::1]:443, fd00::2", "2001:db8::1"),
        ("10.0.0.0/16", "10.0.3.4", "203.0.113.7:1234", "203.0.113.7"),
        ("10.0.0.0/16", "10.0.3.4", "203.0.113.7, <script>", NOWHERE),
        ("10.0.0.0/16", "10.0.3.4", "203.0.113.07", NOWHERE),
        ("10.0.0.0/16", "10.0.3.4", "203.0.113.\u0667", NOWHERE),
    ],
)
def test_the_client_is_the_last_hop_that_is_no_proxy(
    settings: Settings, trusted: str, peer: str, forwarded: str, expected: str
) -> None:
    settings.TRUSTED_PROXIES = parse_networks(trusted)
    request = RequestFactory().get("/", headers={"X-Forwarded-For": forwarded}, REMOTE_ADDR=peer)

    assert client_ip(request) == expected


@pytest.mark.parametrize("wrong", ["10.0.0.1/8", "10.0.0.0/33", "proxy", "10.0.0.0/8;::1", "*"])
@pytest.mark.parametrize("name", ["TRUSTED_PROXIES", "METRICS_ALLOWED_NETWORKS"])
def test_a_network_that_is_none_is_named(name: str, wrong: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from config import settings"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DEBUG": "true", "STATE_DIR": str(tmp_path), name: wrong},
        capture_output=True,
        text=True,
        check=False,
    )

    says = f"{name} must be networks such as 10.0.0.0/8, separated by commas."
    assert done.stderr.splitlines()[-1].endswith(says)


def raw_request(port: int, *headers: str) -> bytes:
    """The answer to a request for a page with these header lines, byte for byte."""
    lines = ["GET /login/ HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *headers, "", ""]
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall("\r\n".join(lines).encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("trusted", "status"), [("", b"301"), ("127.0.0.1", b"200")])
def test_a_server_believes_its_proxies_over_http(key: str, trusted: str, status: bytes) -> None:
    environment = {"PUBLIC_URL": "https://127.0.0.1", "TRUSTED_PROXIES": trusted, "DEBUG": "true"}
    with serving(key, environment) as server:
        answer = raw_request(server.port, "X-Forwarded-Proto: https")
        without = raw_request(server.port)

    assert answer.split()[1] == status
    assert without.split()[1] == b"301"


# --- Deployments ----------------------------------------------------------------------------


@pytest.mark.parametrize("deploy", [False, True])
def test_a_check_says_that_no_proxy_is_trusted(settings: Settings, deploy: bool) -> None:
    settings.TRUSTED_PROXIES = ()
    assert "common.W001" not in found(deploy=deploy)

    settings.PUBLIC_URL = "https://klanten.example"
    assert "common.W001" in found(deploy=deploy)

    settings.TRUSTED_PROXIES = parse_networks("10.0.0.0/8")
    assert "common.W001" not in found(deploy=deploy)


@pytest.mark.django_db
def test_a_web_server_says_that_no_proxy_is_trusted(client: Client, settings: Settings) -> None:
    assert client.get("/readyz").json()["warnings"] == []
    settings.PUBLIC_URL = "https://klanten.example"

    (warning,) = client.get("/readyz").json()["warnings"]

    assert warning.startswith("PUBLIC_URL is https, and TRUSTED_PROXIES is empty")


@pytest.mark.parametrize(
    ("trusted", "is_too_much"),
    [
        ("0.0.0.0/0", True),
        ("::/0", True),
        ("0.0.0.0/1 128.0.0.0/1", True),
        ("2000::/3", True),
        ("::ffff:0.0.0.0/96", True),
        ("10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7", False),
    ],
)
def test_a_check_says_that_everybody_is_trusted(
    settings: Settings, trusted: str, is_too_much: bool
) -> None:
    settings.TRUSTED_PROXIES = parse_networks(trusted)

    assert ("common.W002" in found()) is is_too_much


def test_compose_trusts_the_networks_of_containers() -> None:
    for name in ("web1", "web2"):
        value = services()[name]["environment"]["TRUSTED_PROXIES"]
        default = re.fullmatch(r"\$\{TRUSTED_PROXIES:-(.*)\}", value)
        assert default
        networks = {str(network) for network in parse_networks(default[1])}
        assert networks == {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"}


def templates() -> list[Path]:
    return [file for file in (ROOT / "deploy").rglob("*") if file.is_file()]


def test_every_template_that_starts_the_application_trusts_its_proxy() -> None:
    starting = [file for file in templates() if "PUBLIC_URL" in file.read_text()]

    assert starting
    assert [file.name for file in starting if "TRUSTED_PROXIES" not in file.read_text()] == []


CIDR_BLOCKS = "network/interfaces/macs/02:00:00:00:00:01/vpc-ipv4-cidr-blocks"
# What stands for the programs of the machine, each a line of shell.
PROGRAMS = {
    "curl": f"""case "$*" in
        *api/token*) echo token;;
        *instance-id) echo i-1;;
        *meta-data/mac) echo 02:00:00:00:00:01;;
        *{CIDR_BLOCKS}) printf '10.42.0.0/16\\n100.64.0.0/16';;
        *) exit 22;; esac""",
    "aws": "echo secret",
    "docker": 'echo "$*" >> "$LOG"',
    **dict.fromkeys(("dnf", "systemctl", "chown", "install", "cfn-signal"), ":"),
}


def user_data(tmp_path: Path) -> str:
    """The script with which CloudFormation starts an instance, with every path in `tmp_path`."""
    launch: Any = cloudformation()["Resources"]["LaunchTemplate"]["Properties"]
    script, further = launch["LaunchTemplateData"]["UserData"]["Fn::Base64"]
    assert set(further) == {"Url", "Host"}
    values = {"Url": "https://klanten.example", "Host": "klanten.example", "SmsGateway": "console"}
    filled = re.sub(r"\$\{([A-Za-z:]+)\}", lambda name: values.get(name[1], "value"), script)
    for path in ("/root/", "/etc/klanten", "/opt/aws/bin/"):
        filled = filled.replace(path, f"{tmp_path}{path}")
    return filled


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
def test_cloudformation_trusts_the_network_of_its_load_balancer(tmp_path: Path) -> None:
    """Its script is run, with stand-ins for the programs that reach outside."""
    for directory in ("root", "etc/klanten", "opt/aws/bin", "bin"):
        (tmp_path / directory).mkdir(parents=True)
    for name, body in PROGRAMS.items():
        where = "opt/aws/bin" if name == "cfn-signal" else "bin"
        program = tmp_path / where / name
        program.write_text(f"#!/bin/bash\n{body}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"

    subprocess.run(
        ["bash", "-c", user_data(tmp_path)],
        env={"PATH": path, "LOG": str(tmp_path / "docker.log")},
        check=True,
        capture_output=True,
    )

    # Docker takes each line of an --env-file literally.
    lines = (tmp_path / "root/klanten.env").read_text().splitlines()
    environment = dict(line.split("=", 1) for line in lines)
    assert environment["TRUSTED_PROXIES"] == "10.42.0.0/16,100.64.0.0/16"
    assert "--env-file" in (tmp_path / "docker.log").read_text()
    secrets = {"SECRET_KEY": "x" * 60, "OIDC_RSA_PRIVATE_KEY": "pem", "STATE_DIR": str(tmp_path)}
    environment = {k: v for k, v in environment.items() if not k.endswith("_FILE")} | secrets
    script = (
        "import django; django.setup();"
        "from django.core.checks import run_checks;"
        "from django.conf import settings as s;"
        "print(*map(str, s.TRUSTED_PROXIES), *(each.id for each in run_checks()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={"PATH": path, "DJANGO_SETTINGS_MODULE": "config.settings", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "10.42.0.0/16 100.64.0.0/16\n"


def test_the_load_balancer_drops_headers_that_are_spelled_otherwise() -> None:
    """The web server takes `X_Forwarded_For` for `X-Forwarded-For`."""
    balancer = cloudformation()["Resources"]["Balancer"]["Properties"]
    nginx = (ROOT / "deploy/nginx/klanten.conf").read_text()

    assert {
        "Key": "routing.http.drop_invalid_header_fields.enabled",
        "Value": "true",
    } in balancer["LoadBalancerAttributes"]
    assert "underscores_in_headers" not in nginx
