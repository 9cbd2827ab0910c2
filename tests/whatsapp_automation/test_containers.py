"""docker-compose.yml and the Dockerfile, read as data: the same processes, none of them as root, all of them checked."""

import re
from typing import Any

import pytest
import yaml
from django.conf import settings

from whatsapp_automation.processes import PROCESSES

COMPOSE = yaml.safe_load((settings.BASE_DIR / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (settings.BASE_DIR / "Dockerfile").read_text()
ONE_SHOTS = {"migrate", "create-bucket"}
SERVICE_KEYS = {
    *("build", "cap_drop", "command", "depends_on", "entrypoint", "env_file", "environment", "healthcheck", "image"),
    *("init", "ports", "restart", "security_opt", "shm_size", "stop_grace_period", "user", "volumes"),
}


def stages() -> list[str]:
    return re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE)


def test_the_services_are_the_processes_and_their_servers() -> None:
    assert set(SERVICES) == {process.name for process in PROCESSES} | ONE_SHOTS | {"postgres", "redis", "minio"}


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)
def test_commands_are_those_of_the_table(process: Any) -> None:
    assert SERVICES[process.name]["command"] == process.arguments(host="0.0.0.0", port=8000)  # noqa: S104


def test_the_image_serves_pages_by_default() -> None:
    [command] = re.findall(r"^CMD (\[\"uvicorn.*\])$", DOCKERFILE, re.MULTILINE)
    assert yaml.safe_load(command) == SERVICES["web"]["command"]


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_well_formed(name: str) -> None:
    service = SERVICES[name]
    assert set(service) <= SERVICE_KEYS
    assert service["image"]
    assert str(service["user"]).partition(":")[0] not in ("root", "0", "")
    assert service["cap_drop"] == ["ALL"]
    for volume in service.get("volumes", []):
        assert volume.partition(":")[0] in COMPOSE["volumes"]
    if "build" in service:
        assert service["build"]["target"] in stages()
    else:
        assert re.search(r":[\w.-]*\d", service["image"]), "an image without a version changes under us"


@pytest.mark.parametrize("name", SERVICES)
def test_service_waits_for_what_it_needs(name: str) -> None:
    for needed, how in SERVICES[name].get("depends_on", {}).items():
        if needed in ONE_SHOTS:
            assert how == {"condition": "service_completed_successfully"}
        else:
            assert how == {"condition": "service_healthy"}
            assert "healthcheck" in SERVICES[needed]


@pytest.mark.parametrize("name", sorted(set(SERVICES) - ONE_SHOTS))
def test_lasting_service_is_checked_and_restarted(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] in ("CMD", "CMD-SHELL")
    assert {"interval", "timeout", "retries", "start_period"} <= set(check)
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_only_the_pages_are_reachable_and_only_from_this_machine() -> None:
    assert {name for name, service in SERVICES.items() if "ports" in service} == {"web"}
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["web"]["ports"])


def test_secrets_have_no_defaults() -> None:
    text = (settings.BASE_DIR / "docker-compose.yml").read_text()
    for name in ("SECRET_KEY", "AUTH_STATE_KEYS", "POSTGRES_PASSWORD", "STORAGE_ACCESS_KEY", "STORAGE_SECRET_KEY"):
        uses = re.findall(rf"\$\{{{name}([^}}]*)\}}", text)
        assert uses
        assert all(use.startswith(":?") for use in uses)


def test_the_whatsapp_client_is_installed_in_the_image() -> None:
    product = re.split(r"^FROM \S+ AS ", DOCKERFILE, flags=re.MULTILINE)[stages().index("product") + 1]
    assert "COPY --from=bridge /app/node_modules session_service/baileys_bridge/node_modules\n" in product


def test_every_stage_that_runs_drops_root_and_is_checked() -> None:
    for name in ("storage", "product"):
        stage = re.split(r"^FROM \S+ AS ", DOCKERFILE, flags=re.MULTILINE)[stages().index(name) + 1]
        assert "\nUSER 10001:10001\n" in stage
        assert "\nHEALTHCHECK " in stage
    for source in re.findall(r"^COPY --from=(\S+)", DOCKERFILE, re.MULTILINE):
        assert source in stages()


def test_secrets_and_local_data_stay_out_of_the_image() -> None:
    ignored = (settings.BASE_DIR / ".dockerignore").read_text().split()
    assert {".env", ".git", ".local", ".venv"} <= set(ignored)
