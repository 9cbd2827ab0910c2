"""`python -m bench.stale_owner`: two workers believe that they own the same senders.

One is stopped in the middle of its work until its lease is over and the other has taken over and gone on; then it is
continued. Nothing that it writes may change anything, and nothing that it sends may arrive. Prints one line of JSON,
and exits with 1 where a promise did not hold.
"""

import argparse
import sys

from bench.promises.place import Broken, conclude, own_place


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.stale_owner", description="A worker that wakes up after its lease."
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5, help="How often the present owner is stopped.")
    parser.add_argument("--lease", type=float, default=3, help="Seconds; 3 at least.")
    parser.add_argument("--no-ids", action="store_true", help="A network that takes no message ids of ours.")
    parser.add_argument("--keep", action="store_true", help="Keep the folder with the logs.")
    options = parser.parse_args()
    variables = {
        "SESSION_LEASE_SECONDS": str(options.lease),
        "SESSION_MOVE_RATE": "0",
        "SIMULATOR_KEEPS_MESSAGE_IDS": str(not options.no_ids).lower(),
        "SIMULATOR_SEED": str(options.seed),
        "SIMULATOR_ACK_MS": "300",  # so that much is in doubt at any moment
        "SIMULATOR_DELIVERED_MS": "3000",
        "SIMULATOR_READ_MS": "300",
    }
    try:
        with own_place(keep=options.keep, **variables) as data_dir:
            import django

            django.setup()
            from bench.promises.stopping import Plan, run

            conclude(*run(Plan(seed=options.seed, rounds=options.rounds, keeps_ids=not options.no_ids), data_dir))
    except Broken as broken:
        sys.exit(f"Broken: {broken}")


if __name__ == "__main__":
    main()
