"""`python -m bench.handover`: sessions move between workers while a campaign is sent.

Two workers share the senders. One is drained, a third joins, and the one that holds everything is killed. Everybody must
get the message once, no session may ever be open twice, and no sender may need a new QR code. Real Baileys sessions on
the emulated WhatsApp, or with `--simulated` sessions of the simulated network. Prints one line of JSON, and exits with 1
where a promise did not hold.
"""

import argparse
import sys
from contextlib import nullcontext

from bench.promises.place import Broken, conclude, own_place


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.handover", description="Sessions that move while they send."
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--senders", type=int, default=50)
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--delay", type=float, default=3, help="Seconds between two messages of a sender, on average.")
    parser.add_argument("--lease", type=float, default=15, help="Seconds until a dead worker's senders are free.")
    parser.add_argument("--simulated", action="store_true", help="The simulated network instead of Baileys.")
    parser.add_argument("--keep", action="store_true", help="Keep the folder with the logs.")
    options = parser.parse_args()
    variables = {
        "SESSION_LEASE_SECONDS": str(options.lease),
        "SIMULATOR_SEED": str(options.seed),
        "SIMULATOR_ACK_MS": "150",
        "SIMULATOR_DELIVERED_MS": "500",
        "SIMULATOR_READ_MS": "500",
    }
    try:
        with own_place(keep=options.keep, **variables) as data_dir:
            from bench.promises.emulated import emulated_whatsapp

            with nullcontext() if options.simulated else emulated_whatsapp(data_dir) as emulator:
                import django

                django.setup()
                from bench.promises.moving import Plan, run

                delays_ms = (round(options.delay * 700), round(options.delay * 1300))
                plan = Plan(options.seed, options.senders, options.people, delays_ms)
                conclude(*run(plan, data_dir, emulator))
    except Broken as broken:
        sys.exit(f"Broken: {broken}")


if __name__ == "__main__":
    main()
