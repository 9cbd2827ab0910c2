"""`python -m bench.ratchets --kills 50`: Signal ratchets that a kill rolls back heal, and nobody reads a text twice.

Campaigns to the same people, one after the other, through real WhatsApp clients and an emulated WhatsApp, while worker
and bridge are killed. A ratchet's state is stored up to a second after its message has left, so a kill loses the last of
it. Baileys makes new sessions when it looks up a person's devices, which it does before the first message of a chat after
each start; where a phone cannot read a message all the same, it asks for it again. Some phones do so in each campaign, and
some acknowledgements come late, so that both are under way when the kill comes. In the end every phone must have read every
text once, every reply must be stored once, and no QR code may have been needed. Counts the transactions that write keys:
one a second and worker at most. Prints one line of JSON, and exits with 1 where a promise did not hold.
"""

import argparse
import os
import sys

from bench.promises.place import Broken, conclude, own_place
from tests.whatsapp_emulator.running import running


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.ratchets", description="Ratchets that are rolled back.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--people", type=int, default=30)
    parser.add_argument("--senders", type=int, default=3)
    parser.add_argument("--lease", type=float, default=3, help="Seconds; 3 at least.")
    parser.add_argument("--keep", action="store_true", help="Keep the folder with the logs.")
    options = parser.parse_args()
    variables = {"SESSION_LEASE_SECONDS": str(options.lease), "SESSION_MOVE_RATE": "0"}
    try:
        with own_place(keep=options.keep, **variables) as data_dir, running() as emulator:
            os.environ |= emulator.environment()
            import django

            django.setup()
            from bench.promises.ratchets import Plan, run

            plan = Plan(seed=options.seed, kills=options.kills, people=options.people, senders=options.senders)
            conclude(*run(plan, data_dir, emulator))
    except Broken as broken:
        sys.exit(f"Broken: {broken}")


if __name__ == "__main__":
    main()
