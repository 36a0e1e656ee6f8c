"""Stands in for systemd with a socket unit: holds a listening socket, and starts a command with it (sd_listen_fds(3)) again and again.

It listens on LISTEN_ADDRESS, 127.0.0.1 unless given. Prints the port, then the process id of each start and the exit code of each end. SIGTERM ends the command, and this with it.
"""

import os
import signal
import socket
import sys

listening = socket.create_server((os.environ.get("LISTEN_ADDRESS", "127.0.0.1"), 0), backlog=1024)
print("port", listening.getsockname()[1], flush=True)
over = False


def end(*_):
    global over
    over = True
    os.kill(child, signal.SIGTERM)


while not over:
    child = os.fork()
    if child == 0:
        os.dup2(listening.fileno(), 3)
        # Where it was the third already, dup2 has done nothing.
        os.set_inheritable(3, True)
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
        os.execvp(sys.argv[1], sys.argv[1:])
    signal.signal(signal.SIGTERM, end)
    print("pid", child, flush=True)
    print("exit", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
