"""The container and outside-CI files, checked without a container engine."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.servers import procfile_command
from tests.attacks.nginx import configuration

ROOT = Path(__file__).resolve().parent.parent

SERVICES = {"proxy", "web1", "web2", "worker", "migrate", "db", "celery", "beat", "rabbitmq"}
OF_THE_IMAGE = {"web1", "web2", "worker", "migrate", "celery", "beat"}
OF_CELERY = {"celery", "beat", "rabbitmq"}
# Settings about which compose decides itself.
NOT_PASSED_ON = {
    # Given as files, which the migration makes.
    *("SECRET_KEY", "OIDC_RSA_PRIVATE_KEY"),
    # The database is its own.
    *("DATABASE_URL", "POSTGRES_PORT"),
    # The image says where it listens and what it writes to.
    *("HOST", "STATE_DIR"),
}
# What nothing but a web server reads.
FOR_THE_WEB = {
    *("WEB_WORKERS", "WEB_THREADS", "AFRICAS_TALKING_CALLBACK_SECRET"),
    "STATEMENT_TIMEOUT_SECONDS",
    *("RATE_LIMIT_READ", "RATE_LIMIT_WRITE", "RATE_LIMIT_BULK", "RATE_LIMIT_HIGH_FACTOR"),
    *("MAX_BODY_BYTES", "MAX_UPLOAD_BYTES", "UPLOAD_DIR"),
    *("METRICS_TOKEN", "METRICS_ALLOWED_NETWORKS", "METRICS_DIR", "READY_WARN_AFTER_SECONDS"),
}


def text(path: str) -> str:
    return (ROOT / path).read_text()


def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text("docker-compose.yml"))["services"]
    return found


def dockerfile() -> list[list[str]]:
    """The instructions of each stage, one line each."""
    joined = text("Dockerfile").replace("\\\n", "")
    lines = [line for line in joined.splitlines() if line and not line.startswith("#")]
    starts = [number for number, line in enumerate(lines) if line.startswith("FROM ")]
    return [lines[start:end] for start, end in zip(starts, [*starts[1:], None], strict=True)]


def web_command() -> str:
    """What the shell of the image's CMD becomes: the web command of the Procfile."""
    (command,) = (line for line in dockerfile()[-1] if line.startswith("CMD "))
    reading = """eval "exec $(sed -n 's/^web: //p' Procfile)\""""
    assert json.loads(command.removeprefix("CMD ")) == ["sh", "-c", reading]
    return procfile_command()


def names_in_settings() -> set[str]:
    """Every variable that the settings read."""
    settings = text("config/settings.py")
    plain = set(re.findall(r"""\benv(?:\.\w+)?\(\s*["']([A-Z_]+)["']""", settings))
    secret = set(re.findall(r"""\bsecret\(\s*["']([A-Z_]+)["']""", settings))
    return plain | secret | {f"{name}_FILE" for name in secret}


# --- The image -----------------------------------------------------------------------


def test_the_image_does_not_run_as_root() -> None:
    users = [line.split()[1] for line in dockerfile()[-1] if line.startswith("USER ")]

    assert len(users) == 1
    assert all(int(number) > 0 for number in users[0].split(":"))


def test_the_image_starts_a_program_that_it_installs() -> None:
    program = web_command().split()[0]

    assert re.search(rf"^{program}==", text("requirements.txt"), re.MULTILINE)


def test_the_web_server_knows_every_option_it_is_given() -> None:
    help_text = subprocess.run(
        [sys.executable, "-m", "granian", "--help"], capture_output=True, text=True, check=True
    ).stdout
    known = set(re.findall(r"--[a-z][a-z0-9-]*", help_text))
    given = set(re.findall(r"--[a-z][a-z0-9-]*", web_command()))

    assert "--workers" in given
    assert given - known == set()


@pytest.mark.parametrize("pattern", ["**/.*", "**/*.pem", "**/*.sqlite3*", "**/tests", "var", "ve"])
def test_the_image_has_no_secrets_and_nothing_of_development(pattern: str) -> None:
    assert pattern in text(".dockerignore").splitlines()


# --- Compose -------------------------------------------------------------------------


def test_compose_has_these_services_and_no_other() -> None:
    assert set(services()) == SERVICES


def test_compose_starts_a_broker_only_when_asked_to() -> None:
    assert {name for name, service in services().items() if "profiles" in service} == OF_CELERY
    assert all(services()[name]["profiles"] == ["celery"] for name in OF_CELERY)


@pytest.mark.parametrize("name", ["celery", "beat"])
def test_celery_waits_for_the_migration_and_the_broker(name: str) -> None:
    assert services()[name]["depends_on"] == {
        "db": {"condition": "service_healthy"},
        "migrate": {"condition": "service_completed_successfully"},
        "rabbitmq": {"condition": "service_healthy"},
    }


@pytest.mark.parametrize("program", ["worker", "beat"])
def test_celery_knows_every_option_it_is_given(program: str) -> None:
    help_text = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "config", program, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    known = set(re.findall(r"--[a-z][a-z0-9-]*", help_text))
    name = "celery" if program == "worker" else program
    in_compose = {part.partition("=")[0] for part in services()[name]["command"]}
    (line,) = (line for line in text("Procfile").splitlines() if line.startswith(f"{name}:"))
    in_procfile = {part.partition("=")[0] for part in line.split()[1:]}

    assert {option for option in in_compose if option.startswith("--")} - known == set()
    assert in_compose == in_procfile


@pytest.mark.parametrize("name", sorted(OF_THE_IMAGE - {"migrate"}))
def test_an_application_container_is_bounded(name: str) -> None:
    limits = services()[name]["deploy"]["resources"]["limits"]

    assert 0 < float(limits["cpus"]) <= 1
    assert re.fullmatch(r"[1-9][0-9]*M", limits["memory"])


@pytest.mark.parametrize("name", ["web1", "web2", "worker"])
def test_an_application_container_waits_for_the_migration(name: str) -> None:
    assert services()[name]["depends_on"] == {
        "db": {"condition": "service_healthy"},
        "migrate": {"condition": "service_completed_successfully"},
    }


def test_the_migration_runs_once_and_alone_may_write_the_secrets() -> None:
    migrate = services()["migrate"]

    assert migrate["restart"] == "no"
    assert migrate["depends_on"] == {"db": {"condition": "service_healthy"}}
    assert migrate["volumes"] == ["state:/var/lib/klanten"]
    for name in OF_THE_IMAGE - {"migrate"}:
        states = [each for each in services()[name]["volumes"] if each.startswith("state:")]
        assert states == ["state:/var/lib/klanten:ro"]


def test_the_proxy_waits_for_both_web_servers_and_alone_has_a_port() -> None:
    assert services()["proxy"]["depends_on"] == {
        "web1": {"condition": "service_healthy"},
        "web2": {"condition": "service_healthy"},
    }
    assert {name for name, service in services().items() if "ports" in service} == {"proxy"}


def test_the_database_outlives_its_container() -> None:
    volumes = yaml.safe_load(text("docker-compose.yml"))["volumes"]

    assert services()["db"]["volumes"] == ["db:/var/lib/postgresql/data"]
    assert {"db", "state"} <= set(volumes)
    assert "pg_isready" in services()["db"]["healthcheck"]["test"][1]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_container_has_more_rights_than_it_needs(name: str) -> None:
    service = services()[name]

    assert not {"privileged", "network_mode", "pid", "ipc", "devices"} & set(service)
    assert service["security_opt"] == ["no-new-privileges:true"]
    if name in OF_THE_IMAGE:
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "cap_add" not in service


@pytest.mark.parametrize("name", sorted(OF_THE_IMAGE))
def test_every_variable_in_compose_is_read_by_the_settings(name: str) -> None:
    given = set(services()[name]["environment"])
    read_by_the_image = set(re.findall(r"\$\{([A-Z_]+)", web_command()))

    assert given - names_in_settings() - read_by_the_image == set()
    assert {"SECRET_KEY_FILE", "OIDC_RSA_PRIVATE_KEY_FILE", "POSTGRES_HOST"} <= given


def explained_names() -> set[str]:
    """Every variable that `.env.example` explains."""
    return set(re.findall(r"^#([A-Z_]+)=", text(".env.example"), re.MULTILINE))


def test_every_setting_is_explained() -> None:
    read = {name for name in names_in_settings() if not name.endswith("_FILE")}
    read_elsewhere = set(re.findall(r"\$\{([A-Z_]+)", web_command() + text("docker-compose.yml")))

    assert read - explained_names() == set()
    assert explained_names() - read - read_elsewhere == set()


@pytest.mark.parametrize("name", ["web1", "web2"])
def test_every_setting_reaches_the_web(name: str) -> None:
    given = set(services()[name]["environment"])
    # As a part of another value (`${DB_NAME}`).
    read_by_compose = set(re.findall(r"\$\{([A-Z_]+)", text("docker-compose.yml")))

    assert explained_names() - given - read_by_compose == NOT_PASSED_ON


@pytest.mark.parametrize("name", ["worker", "celery", "beat", "migrate"])
def test_every_setting_that_is_not_for_the_web_reaches_the_others(name: str) -> None:
    given = {each: set(services()[each]["environment"]) for each in ("web1", name)}

    assert given["web1"] - given[name] == FOR_THE_WEB


# --- nginx ---------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not installed")
def test_nginx_accepts_its_configuration(tmp_path: Path) -> None:
    whole = configuration(tmp_path, port=65080, application=65081)

    check = subprocess.run(
        ["nginx", "-t", "-p", str(tmp_path), "-c", str(whole)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert check.returncode == 0, check.stderr


def test_nginx_says_itself_how_it_was_called() -> None:
    conf = text("deploy/nginx/klanten.conf")

    assert "proxy_set_header X-Forwarded-Proto $scheme;" in conf
    assert "proxy_set_header Host $http_host;" in conf


def test_nginx_never_repeats_a_post() -> None:
    conf = text("deploy/nginx/klanten.conf")

    assert re.findall(r"proxy_next_upstream (.*);", conf) == ["error timeout"]


def test_nginx_shows_nobody_the_metrics() -> None:
    conf = text("deploy/nginx/klanten.conf")
    (block,) = re.findall(r"location = /metrics \{(.*?)\n    \}", conf, re.DOTALL)

    assert "return 404" in block
    assert "proxy_pass" not in block


def test_nginx_logs_no_address_that_a_gateway_calls() -> None:
    conf = text("deploy/nginx/klanten.conf")
    (secret,) = re.findall(r'map \$uri \$logged_uri \{\s+"~(.*?)"', conf)
    (line,) = re.findall(r"log_format klanten (.*?);", conf, re.DOTALL)
    (block,) = re.findall(
        r"location \^~ /notifications/africastalking/ \{(.*?)\n    \}", conf, re.DOTALL
    )

    found = re.fullmatch(secret.replace("?<", "?P<"), "/notifications/africastalking/x/reports")
    assert found
    assert found["call"] == "/reports"
    assert "$logged_uri" in line
    assert not {"request", "request_uri", "uri", "args"} & set(re.findall(r"\$(\w+)", line))
    assert re.findall(r"access_log (.*);", conf) == ["/var/log/nginx/access.log klanten"]
    assert "error_log /dev/null emerg;" in block


def test_nginx_logs_no_id_of_a_customers() -> None:
    conf = text("deploy/nginx/klanten.conf")
    (_, ids) = re.findall(r'^    "~(.*?)" "', conf, re.MULTILINE)
    pattern = re.compile(ids.replace("?<", "?P<"))

    for path in ("/v1/query/amc/jane", "/api/v1/mappings/amc/a/b", "/api/query/amc/jane doe/"):
        found = pattern.search(path)
        assert found
        assert found["start"] == path[: path.index("/amc/") + len("/amc/")]
    assert not pattern.search("/v1/query/amc/")
    assert not pattern.search("/v1/customers/x/query/y/z")


def test_web_processes_count_where_they_may_write() -> None:
    for name in ("web1", "web2"):
        (writable,) = services()[name]["tmpfs"]
        assert services()[name]["environment"]["METRICS_DIR"] == f"{writable}/metrics"


# --- Outside CI ----------------------------------------------------------------------


def circleci() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text(".circleci/config.yml"))
    return found


def circleci_workflow() -> dict[str, dict[str, Any]]:
    """Each job of the one workflow, with its conditions."""
    (workflow,) = circleci()["workflows"].values()
    jobs = [{job: {}} if isinstance(job, str) else job for job in workflow["jobs"]]
    return {name: conditions for job in jobs for name, conditions in job.items()}


def test_circleci_runs_every_job_that_it_defines() -> None:
    workflow = circleci_workflow()

    assert set(workflow) == set(circleci()["jobs"])
    assert {need for job in workflow.values() for need in job.get("requires", [])} <= set(workflow)


def test_circleci_pushes_from_main_what_was_checked_and_deploys_what_was_pushed() -> None:
    workflow = circleci_workflow()

    assert workflow["push"]["requires"] == ["build-test", "coverage"]
    assert workflow["deploy"]["requires"] == ["push"]
    for name in ("push", "deploy"):
        assert workflow[name]["filters"] == {"branches": {"only": "main"}}


def test_circleci_names_files_and_targets_that_exist() -> None:
    config = text(".circleci/config.yml")
    files = re.findall(r"(?:bash|--template-file) ([\w./-]+/[\w./-]+)", config)
    targets = re.findall(r"\bmake ([\w-]+)", config)

    assert sorted(files) == [".ci/run", "deploy/cloudformation/klanten.yml"]
    assert [file for file in files if not (ROOT / file).is_file()] == []
    assert targets == ["coverage"]
    assert re.search(r"^coverage:", text("Makefile"), re.MULTILINE)


class Template(yaml.SafeLoader):
    """CloudFormation's tags (`!Ref`, `!Sub`, ...), each read as the value that it stands before."""


def untagged(loader: Template, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


Template.add_multi_constructor("!", untagged)


def cloudformation() -> dict[str, Any]:
    template = text("deploy/cloudformation/klanten.yml")
    found: dict[str, Any] = yaml.load(template, Template)  # noqa: S506 - it is a SafeLoader
    return found


QUIET = {
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}


def test_the_databases_log_names_no_customer() -> None:
    command = services()["db"]["command"].split()
    group = cloudformation()["Resources"]["DatabaseParameters"]["Properties"]

    assert command == ["postgres", *(f for key, v in QUIET.items() for f in ("-c", f"{key}={v}"))]
    assert group["Parameters"] == QUIET


def test_cloudformation_guards_the_instance_and_its_disk() -> None:
    resources = cloudformation()["Resources"]
    launch = resources["LaunchTemplate"]["Properties"]["LaunchTemplateData"]

    assert launch["MetadataOptions"]["HttpTokens"] == "required"
    assert launch["BlockDeviceMappings"][0]["Ebs"]["Encrypted"] is True


def test_circleci_gives_cloudformation_parameters_that_it_has() -> None:
    parameters = cloudformation()["Parameters"]
    given = set(re.findall(r'"(\w+)=\$', text(".circleci/config.yml")))
    needed = {name for name, parameter in parameters.items() if "Default" not in parameter}

    assert needed <= given <= set(parameters)
