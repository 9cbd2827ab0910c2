"""`python -m bench [name ...] [--quick]`: prints results as JSON lines."""

import argparse
import importlib
import os
import sys
from pathlib import Path

from bench.surroundings import servers

BENCHES = (
    *("dispatch", "paced", "million", "linear", "segments", "imports", "people", "forecast", "inbound"),
    *("report", "viewers", "strategies"),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measurements, printed as JSON lines.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"Of {', '.join(BENCHES)}; all, if none is given.")
    parser.add_argument("--quick", action="store_true", help="Small runs that only show that the benches work.")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(BENCHES):
        parser.error(f"there is no bench {', '.join(sorted(unknown))}")
    with servers(Path(os.environ.get("DATA_DIR", ".local")).absolute() / "bench"):
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        for name in arguments.names or BENCHES:
            print(f"Measuring {name} ...", file=sys.stderr)
            importlib.import_module(f"bench.{name}").run(quick=arguments.quick)


if __name__ == "__main__":
    main()
