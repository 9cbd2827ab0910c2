"""Every direct dependency is explained, and every explanation is of a dependency."""

import json
import re

from django.conf import settings

EXPLAINED = settings.BASE_DIR / "docs" / "DEPENDENCIES.md"


def direct() -> set[str]:
    names = set()
    for path in ("requirements.in", "requirements-dev.in"):
        for line in (settings.BASE_DIR / path).read_text().splitlines():
            if line and not line.startswith(("#", "-")):
                names.add(re.split(r"[\[~=<> ]", line)[0].lower())
    for path in (
        "package.json",
        "session_service/baileys_bridge/package.json",
        "tests/whatsapp_emulator/package.json",
    ):
        package = json.loads((settings.BASE_DIR / path).read_text())
        names |= package["dependencies"].keys() | package.get("devDependencies", {}).keys()
    return names


def explained() -> set[str]:
    first_cells = re.findall(r"^\| ([^|]+?) \|", EXPLAINED.read_text(), flags=re.MULTILINE)
    cells = [cell for cell in first_cells if cell != "package" and not cell.startswith("---")]
    return {name.strip() for cell in cells for name in cell.split(",")}


def test_every_dependency_is_explained() -> None:
    assert direct() == explained()
