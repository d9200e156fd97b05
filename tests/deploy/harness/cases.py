"""Cases of a check: each is a function without arguments, and prints `ok`, `not ok` or `skip` with its name."""

import shutil
import traceback

from harness.kubectl import Failed


class Skipped(Exception):
    """The case cannot be tried here; the text says why."""


def expect(condition, what):
    if not condition:
        raise Failed(what)


def tool(name, package):
    path = shutil.which(name)
    if not path:
        raise Skipped(f"{name} is not here (package {package})")
    return path


def run_all(prefix, cases):
    """`cases`: functions, named after what holds. The exit code."""
    well = True
    for case in cases:
        name = f"{prefix}.{case.__name__}"
        try:
            told = case()
        except Skipped as why:
            print(f"skip {name}: {why}", flush=True)
            continue
        except Failed as failure:
            print(f"not ok {name}\n    " + str(failure).replace("\n", "\n    "), flush=True)
            well = False
            continue
        except Exception:  # noqa: BLE001: a case that breaks is a failed one, and the next one is tried
            print(f"not ok {name}\n{traceback.format_exc()}", flush=True)
            well = False
            continue
        print(f"ok {name}" + (f": {told}" if told else ""), flush=True)
    return 0 if well else 1
