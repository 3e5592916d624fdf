"""Ten thousand random tamperings of a log of ten thousand events, and a thousand verifications of it untouched.

    python -m tests.benchmarks.tamperings [--tamperings 10000] [--events 10000] [--clean 1000] [--seed 1]

Each tampering is done to the rows of a SQLite database, then the whole log is read and verified as `tenure verify` does it, then all is
rolled back. The one thing that is remembered from one verification to the next is the hash of a row that was hashed before, found by every
value that was read of the row; tree, stored tree, checkpoints and signatures are computed anew each time.
"""

import argparse
import tempfile
import time
from pathlib import Path

from ops.eventstore.engine import connect
from ops.eventstore.upgrade import upgrade
from tests.proof.tampering import Tampering


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tamperings", type=int, default=10_000)
    parser.add_argument("--events", type=int, default=10_000)
    parser.add_argument("--clean", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder, 'log.db')}"
        engine = connect(url)
        upgrade(engine)
        engine.dispose()
        tampering = Tampering(url, asked.events, asked.seed)
        ways = list(tampering.ways)
        started = time.monotonic()
        for number in range(asked.tamperings):
            tampering.once(ways[number % len(ways)], blind=number % 100 < len(ways))
        alarms = sum(not tampering.clean().holds for _ in range(asked.clean))
        seconds = time.monotonic() - started
        for way, count in tampering.judged.items():
            print(f"{way:20} {count:6} tamperings, {count - tampering.missed.count(way):6} seen")
        print(f"clean                {asked.clean:6} verifications, {alarms} false alarms")
        print(f"missed: {tampering.missed or 'none'}; log of {asked.events} events; {seconds:.0f} s")
        raise SystemExit(1 if tampering.missed or alarms else 0)


if __name__ == "__main__":
    main()
