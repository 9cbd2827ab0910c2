"""`python -m bench.on_time`: campaigns that are due while whoever starts them is killed, with two beats at once, and
after an hour without any.

In the end every due time must have been taken exactly once, everybody must have each message once, and nothing may be
left in `scheduled` whose time has passed. Prints one line of JSON, and exits with 1 where a promise did not hold.
"""

import argparse
import os
import sys

from bench.promises.place import Broken, conclude, own_place


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.on_time", description="Schedules that survive every kill.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--once", type=int, default=6, help="Campaigns that start once.")
    parser.add_argument("--repeated", type=int, default=6, help="Campaigns that repeat every day.")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--people", type=int, default=8, help="On each list.")
    parser.add_argument("--keep", action="store_true", help="Keep the folder with the logs.")
    options = parser.parse_args()
    try:
        with own_place(keep=options.keep, SIMULATOR_SEED=str(options.seed)) as data_dir:
            import django

            django.setup()
            from bench.promises.due_times import Plan, run

            plan = Plan(
                seed=options.seed,
                once=options.once,
                repeated=options.repeated,
                kills=options.kills,
                people=options.people,
            )
            conclude(*run(plan, data_dir, int(os.environ["PORT"])))
    except Broken as broken:
        sys.exit(f"Broken: {broken}")


if __name__ == "__main__":
    main()
