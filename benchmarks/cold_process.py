"""One cold start: a fresh process that imports a handler, hands it an event, and says its price.

Run as `python -I -S cold_process.py JSON`, so that it finds the standard library and the folders
it is given and nothing else. Lambda's bootstrap has imported its part of the standard library by
the time it comes to the handler; the same modules are imported here before the clock starts.
"""

import importlib
import json
import resource
import sys
import time


def main() -> None:
    given = json.loads(sys.argv[1])
    for name in given["preloaded"]:
        importlib.import_module(name)
    # The lifetime's CPU includes the interpreter's own start, which is everybody's.
    began, wall = time.process_time(), time.perf_counter()
    sys.path[:0] = given["path"]
    app = importlib.import_module("app")
    imported = time.process_time()
    if given["event"] is not None:
        app.handler(given["event"], Context())
    done, wall_done = time.process_time(), time.perf_counter()
    # Not ru_maxrss: it begins with what the process that forked this one held.
    with open("/proc/self/status") as status:  # noqa: PTH123 (pathlib is not preloaded)
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    answer = {
        "began_ms": began * 1000,
        "import_ms": (imported - began) * 1000,
        "cpu_ms": (done - began) * 1000,  # to the end; the server knows when the call came
        "wall_ms": (wall_done - wall) * 1000,
        "peak_mb": peak / 1024,
        "faults": resource.getrusage(resource.RUSAGE_SELF).ru_majflt,
        "modules": len(sys.modules),
        "packages": sorted({name.split(".")[0] for name in sys.modules}),
    }
    sys.stderr.write(f"\nMEASURED {json.dumps(answer)}\n")


class Context:
    """What Lambda says of an invocation, as far as loggers ask."""

    function_name = "headrace"
    function_version = "$LATEST"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:headrace"
    aws_request_id = "8c7d2f1e-1111-4222-8333-444455556666"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


if __name__ == "__main__":
    main()
