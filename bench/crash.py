"""`python -m bench.crash`: a campaign while everything that it runs on is killed again and again.

In the end every person must have the message once, the campaign must have ended by itself, and every counter must be
true. Prints one line of JSON, and exits with 1 where a promise did not hold.
"""

import argparse
import os
import sys

from bench.promises.place import Broken, conclude, own_place


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.crash", description="A campaign that survives every kill.")
    parser.add_argument("--seed", type=int, default=1, help="The same seed chooses the same faults again.")
    parser.add_argument("--faults", type=int, default=30)
    parser.add_argument("--people", type=int, default=5000)
    parser.add_argument("--senders", type=int, default=20)
    parser.add_argument("--spacing", type=float, default=2.5, help="Seconds between two faults, on average.")
    parser.add_argument("--lease", type=float, default=6, help="Seconds until the senders of a dead worker are free.")
    parser.add_argument("--no-ids", action="store_true", help="A network that takes no message ids of ours.")
    parser.add_argument("--keep", action="store_true", help="Keep the folder with the logs.")
    options = parser.parse_args()
    variables = {
        "SESSION_LEASE_SECONDS": str(options.lease),
        "SIMULATOR_KEEPS_MESSAGE_IDS": str(not options.no_ids).lower(),
        "SIMULATOR_SEED": str(options.seed),
        "SIMULATOR_ACK_MS": "150",  # the longer it takes, the more is in doubt when a worker dies
        # Receipts come before some repeats, which are then not needed, and after others, which the phone must drop.
        "SIMULATOR_DELIVERED_MS": "8000",
        "SIMULATOR_READ_MS": "500",
    }
    try:
        with own_place(keep=options.keep, **variables) as data_dir:
            import django

            django.setup()
            from bench.promises.faults import Plan, run

            plan = Plan(
                seed=options.seed,
                faults=options.faults,
                people=options.people,
                senders=options.senders,
                spacing=options.spacing,
                keeps_ids=not options.no_ids,
            )
            conclude(*run(plan, data_dir, int(os.environ["PORT"])))
    except Broken as broken:
        sys.exit(f"Broken: {broken}")


if __name__ == "__main__":
    main()
