"""Run programs in a back end as another user; requests and results are lines of JSON.

The test starts this as a script under a user id without rights, with a copy of the sandbox on the module path.
"""

import json
import os
import sys
from dataclasses import asdict

from kgsynth.errors import KgsynthError
from kgsynth.verification.sandbox import Limits, examine


def main() -> None:
    examination = examine(sys.argv[1])
    print(json.dumps({"pid": os.getpid(), "reason": examination.reason}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        assert examination.sandbox is not None
        try:
            done = examination.sandbox.run(
                request["program"],
                files=request["files"],
                limits=Limits(**request["limits"]),
                packages=request["packages"],
            )
        except KgsynthError as error:
            print(json.dumps({"error": str(error)}), flush=True)
        else:
            print(json.dumps(asdict(done)), flush=True)


if __name__ == "__main__":
    main()
