"""`python -m bench.broadcast_kills`: a broadcast in groups of 256 while everything that it runs on is killed.

In the end everybody must have it once, no group may have left before its time, and every counter must be true. Prints one
line of JSON, and exits with 1 where a promise did not hold.
"""

import argparse
import os
import sys

from bench.promises.place import Broken, conclude, own_place


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.broadcast_kills", description="A broadcast that survives every kill."
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--faults", type=int, default=20)
    parser.add_argument("--people", type=int, default=2_000)
    parser.add_argument("--senders", type=int, default=8)
    parser.add_argument("--spacing", type=float, default=1.5, help="Seconds between two faults, on average.")
    parser.add_argument("--gap", type=int, default=3, help="Seconds between two groups.")
    parser.add_argument("--keep", action="store_true", help="Keep the folder with the logs.")
    options = parser.parse_args()
    variables = {
        "SESSION_LEASE_SECONDS": "4",
        "SIMULATOR_SEED": str(options.seed),
        "SIMULATOR_ACK_MS": "150",
        "SIMULATOR_DELIVERED_MS": "2000",
        "SIMULATOR_READ_MS": "500",
    }
    try:
        with own_place(keep=options.keep, **variables) as data_dir:
            import django

            django.setup()
            from bench.promises.broadcast import Plan, run

            plan = Plan(
                seed=options.seed,
                faults=options.faults,
                people=options.people,
                senders=options.senders,
                spacing=options.spacing,
                gap=options.gap,
            )
            conclude(*run(plan, data_dir, int(os.environ["PORT"])))
    except Broken as broken:
        sys.exit(f"Broken: {broken}")


if __name__ == "__main__":
    main()
