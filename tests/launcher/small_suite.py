"""A suite of the real Redis pair and two small processes, under the real supervisor.

`small_suite.py FOLDER HABIT`: stands in for `launcher.supervise` where only its watching and
stopping is under test, and models would only cost time.
"""

import os
import sys
from pathlib import Path

from launcher.errors import LaunchError
from launcher.plan import STATE_REDIS, TENSOR_REDIS, ProcessPlan
from launcher.ports import free_ports
from launcher.redis_servers import find_server, write_config
from launcher.state import Lock, StateFolder
from launcher.supervisor import Supervisor

HEALTH_PROCESS = str(Path(__file__).with_name("health_process.py"))
PASSWORD = "secret"


def plans(folder: StateFolder, habit: str) -> list[ProcessPlan]:
    ports = free_ports(4)
    made = []
    for name, port in zip((STATE_REDIS, TENSOR_REDIS), ports, strict=False):
        config = write_config(folder.root / name, port, PASSWORD, keeps=name == STATE_REDIS)
        program = (str(find_server()), str(config))
        made.append(ProcessPlan(name, program, os.environ, port, 0, 0, PASSWORD))
    for name, port in zip(("stage", "gateway"), ports[2:], strict=True):
        tier = 3 if name == "gateway" else 1
        program = (sys.executable, HEALTH_PROCESS, str(port), habit if name == "stage" else "good")
        made.append(ProcessPlan(name, program, os.environ, port, 0, tier))
    return made


def main() -> int:
    folder, habit = StateFolder(Path(sys.argv[1])), sys.argv[2]
    leash = sys.stdin.buffer if sys.argv[3:] == ["leashed"] else None
    folder.make()
    lock = Lock(folder.lock_file)
    if not lock.take():
        return 4
    try:
        Supervisor(folder, plans(folder, habit), {}, lambda suite: None, leash).run()
    except LaunchError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
