"""Programs that try to get out of the sandbox; what gets through is printed as `THROUGH`.

Each can use the module `attack`, and `targets` in it: what the test has prepared to be reached.
"""

ATTACK = '''
import ctypes, json, os
targets = json.load(open("targets.json"))
parent, secret, folder = targets["parent"], targets["secret"], targets["folder"]
libc = ctypes.CDLL(None, use_errno=True)

def attempt(what, function, *arguments, **options):
    try:
        function(*arguments, **options)
    except (OSError, MemoryError, RuntimeError, ValueError) as error:
        print("refused", what, error)
    else:
        print("THROUGH", what)

def raw(number, *arguments):
    """Call the kernel, with an error if it refuses."""
    libc.syscall.restype = ctypes.c_long
    converted = [one if isinstance(one, ctypes._SimpleCData) or not isinstance(one, int) else ctypes.c_long(one) for one in arguments]
    if libc.syscall(ctypes.c_long(number), *converted) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
'''

# Programs of which nothing may get through; they end by themselves.
ATTEMPTS = {
    "reads": """
from attack import *
import glob, sys
for path in (secret, targets["home"] + "/.ssh/id_ed25519", "/etc/passwd", "/etc/shadow", targets["home"] + "/.bashrc", "/dev/mem", "/dev/kmsg"):
    attempt(path, lambda: open(path).read())
for pid in (parent, 1, os.getppid()):
    for name in ("environ", "mem", "maps", "cmdline", "fd", "root/etc/passwd", "cwd"):
        path = f"/proc/{pid}/{name}"
        attempt(path, lambda: os.listdir(path) if name in ("fd", "cwd") else open(path, "rb").read(1))
attempt("link to the parent's folder", os.readlink, f"/proc/{parent}/cwd")
attempt("folder of the parent", os.listdir, folder)
attempt("home of the parent", os.listdir, targets["home"])
os.symlink(secret, "link")
attempt("through a link", lambda: open("link").read())
attempt("through ..", lambda: open("../" * 20 + secret[1:]).read())
attempt("path handle", lambda: os.open("/proc/self/cwd/../../" + secret[1:], os.O_RDONLY))
attempt("another package", __import__, "pytest") if "pytest" in sys.modules else None
if "SECRET_OF_PARENT" in os.environ or set(os.environ) & {"USER", "VIRTUAL_ENV", "PYTHONPATH"}:
    print("THROUGH environment")
for descriptor in range(3, 1024):
    attempt(f"descriptor {descriptor}", os.fstat, descriptor)
""",
    "writes": """
from attack import *
import sys, json as json_module
from pathlib import Path
for place in (folder, "/tmp", "/var/tmp", "/dev/shm", "/", "/etc", os.path.dirname(os.__file__), os.path.dirname(os.path.dirname(os.__file__)), "/usr/lib", "/kgsynth-x"):
    attempt(f"new file in {place}", lambda: open(place + "/evil", "w").write("x"))
    attempt(f"new folder in {place}", os.mkdir, place + "/evil-folder")
    attempt(f"new link in {place}", os.symlink, "/etc/passwd", place + "/evil-link")
for path in (secret, json_module.__file__, os.__file__, sys.executable):
    attempt(f"open {path}", lambda: open(path, "r+b"))
    attempt(f"append {path}", lambda: open(path, "ab"))
    attempt(f"truncate {path}", os.truncate, path, 0)
    attempt(f"open to truncate {path}", os.open, path, os.O_RDONLY | os.O_TRUNC)
    attempt(f"open without access to truncate {path}", os.open, path, 3 | os.O_TRUNC)
    attempt(f"remove {path}", os.unlink, path)
    attempt(f"rename {path}", os.rename, path, "mine")
    attempt(f"replace {path}", os.replace, "targets.json", path)
    attempt(f"link {path}", os.link, path, "hard")
    attempt(f"chmod {path}", os.chmod, path, 0o777)
    attempt(f"chown {path}", os.chown, path, os.getuid(), os.getgid())
    attempt(f"touch {path}", os.utime, path)
    attempt(f"attribute of {path}", os.setxattr, path, "user.evil", b"x")
attempt("device", os.mknod, "device", 0o666 | 0o020000, os.makedev(1, 1))
attempt("sysctl", lambda: open("/proc/sys/kernel/core_pattern", "w"))
attempt("oom score", lambda: open("/proc/self/oom_score_adj", "w").write("-1000"))
""",
    "connections": """
from attack import *
import socket
def connect(family, address, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as client:
        client.settimeout(1)
        client.connect(address)
        client.send(b"x")
attempt("tcp", connect, socket.AF_INET, ("127.0.0.1", targets["port"]))
attempt("udp", connect, socket.AF_INET, ("127.0.0.1", targets["port"]), socket.SOCK_DGRAM)
attempt("unix", connect, socket.AF_UNIX, targets["socket"])
attempt("abstract", connect, socket.AF_UNIX, targets["abstract"])
attempt("datagram", connect, socket.AF_UNIX, targets["datagram"], socket.SOCK_DGRAM)
attempt("netlink", socket.socket, socket.AF_NETLINK, socket.SOCK_RAW)
attempt("raw", socket.socket, socket.AF_INET, socket.SOCK_RAW, 1)
attempt("vsock", socket.socket, 40, socket.SOCK_STREAM)
left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
attempt("a pair that sends elsewhere", left.sendto, b"x", targets["datagram"])
attempt("a pair that sends a message elsewhere", left.sendmsg, [b"x"], [], 0, targets["datagram"])
attempt("a pair that connects elsewhere", left.connect, targets["datagram"])
attempt("a pair that binds", left.bind, "/kgsynth" if False else "name")
attempt("server", socket.create_server, ("127.0.0.1", 0))
""",
    "signals": """
from attack import *
import fcntl, resource, signal
attempt("null signal", os.kill, parent, 0)
attempt("terminate", os.kill, parent, signal.SIGTERM)
attempt("group", os.killpg, os.getpgid(0), 0)
attempt("own group", os.kill, 0, 0)
attempt("everyone", os.kill, -1, 0)
attempt("parent in the sandbox", os.kill, os.getppid() or 1, 0)
attempt("handle", lambda: signal.pidfd_send_signal(os.pidfd_open(parent), 0))
attempt("tkill", raw, 200, parent, 0)
attempt("tgkill", raw, 234, parent, parent, 0)
attempt("sigqueue", raw, 129, parent, 10, ctypes.create_string_buffer(128))
reading, writing = os.pipe()
attempt("owner of a pipe", fcntl.fcntl, reading, fcntl.F_SETOWN, parent)
attempt("signal of a pipe", fcntl.fcntl, reading, fcntl.F_SETSIG, signal.SIGKILL)
attempt("limits", resource.prlimit, parent, resource.RLIMIT_NOFILE, (8, 8))
attempt("priority", os.setpriority, os.PRIO_PROCESS, parent, 19)
attempt("affinity", os.sched_setaffinity, parent, [0])
attempt("policy", os.sched_setscheduler, parent, os.SCHED_IDLE, os.sched_param(0))
for name in ("RLIMIT_AS", "RLIMIT_NPROC", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_CPU"):
    attempt(name, resource.setrlimit, getattr(resource, name), (1 << 40, 1 << 40))
os.kill(os.getpid(), 0)
""",
    "processes": """
from attack import *
import multiprocessing, subprocess, sys
def fork():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            import time
            time.sleep(60)
        os._exit(0)
for _ in range(5):
    attempt("fork", fork)
attempt("forkpty", os.forkpty)
attempt("subprocess", subprocess.run, [sys.executable, "-c", "import time; time.sleep(60)"])
attempt("shell", subprocess.run, "sleep 60 &", shell=True)
attempt("spawn", os.posix_spawn, "/bin/sh", ["sh", "-c", "sleep 60 &"], {})
attempt("exec", os.execv, sys.executable, [sys.executable, "-c", "print('THROUGH')"])
attempt("multiprocessing", multiprocessing.get_context("fork").Process(target=print).start)
if os.system("sleep 60 &") == 0:
    print("THROUGH system")
attempt("raw fork", raw, 57)
attempt("raw vfork", raw, 58)
attempt("raw clone", raw, 56, 17, 0, 0, 0, 0)
attempt("raw clone of a parent", raw, 56, 0x8000 | 17, 0, 0, 0, 0)
attempt("raw clone3", raw, 435, ctypes.create_string_buffer(88), 88)
attempt("session", os.setsid)
attempt("group", os.setpgid, 0, 0)
""",
    "system calls": """
from attack import *
buffer = ctypes.create_string_buffer(4096)
calls = {
    "socket": (41, 2, 1, 0), "ptrace attach": (101, 16, parent, 0, 0), "ptrace seize": (101, 0x4206, parent, 0, 0),
    "ptrace me": (101, 0, 0, 0, 0), "process_vm_readv": (310, parent, buffer, 1, buffer, 1, 0),
    "process_vm_writev": (311, parent, buffer, 1, buffer, 1, 0), "kcmp": (312, parent, parent, 1, 0, 0),
    "mount": (165, b"none", b"/", b"tmpfs", 0, 0), "umount": (166, b"/", 0), "pivot_root": (155, b".", b"."),
    "chroot": (161, b"."), "unshare user": (272, 0x10000000), "unshare files": (272, 0x20000), "setns": (308, 0, 0),
    "fsopen": (430, b"tmpfs", 0), "open_tree": (428, -100, b"/", 1), "move_mount": (429, -100, b"/", -100, b".", 0),
    "io_uring_setup": (425, 8, buffer), "bpf": (321, 0, buffer, 72), "keyctl": (250, 0, -3, 0), "add_key": (248, b"user", b"x", b"x", 1, -2),
    "request_key": (249, b"user", b"x", 0, 0), "userfaultfd": (323, 1), "perf_event_open": (298, buffer, 0, -1, -1, 0),
    "pidfd_open": (434, parent, 0), "pidfd_getfd": (438, 0, 0, 0), "open_by_handle_at": (304, -100, buffer, 0),
    "name_to_handle_at": (303, -100, b"/", buffer, buffer, 0), "memfd_create": (319, b"x", 0), "memfd_secret": (447, 0),
    "shmget": (29, 1, 4096, 0o1600), "msgget": (68, 1, 0o1600), "semget": (64, 1, 1, 0o1600), "mq_open": (240, b"x", 0o102, 0o600, 0),
    "init_module": (175, buffer, 1, b""), "kexec_load": (246, 0, 0, 0, 0), "reboot": (169, 0, 0, 0), "swapon": (167, b"/x", 0),
    "setuid": (105, 0), "setgid": (106, 0), "setresuid": (117, 0, 0, 0), "capset": (126, buffer, buffer), "prctl": (157, 4, 1, 0, 0, 0),
    "seccomp": (317, 1, 0, buffer), "landlock": (444, buffer, 8, 0), "personality": (135, 0x0400000), "acct": (163, 0), "quotactl": (179, 0, 0, 0, 0),
    "settimeofday": (164, buffer, 0), "clock_settime": (227, 0, buffer), "adjtimex": (159, buffer), "sethostname": (170, b"x", 1),
    "syslog": (103, 3, buffer, 100), "iopl": (172, 3), "ioperm": (173, 0, 1, 1), "modify_ldt": (154, 0, buffer, 16), "uselib": (134, b"x"),
    "fanotify_init": (300, 0, 0), "inotify_init": (253,), "splice": (275, 0, 0, 1, 0, 1, 0), "vmsplice": (278, 1, buffer, 1, 0), "tee": (276, 0, 1, 1, 0),
    "move_pages": (279, parent, 0, 0, 0, 0, 0), "migrate_pages": (256, parent, 1, buffer, buffer), "mlockall": (151, 1), "process_madvise": (440, 0, buffer, 1, 4, 0),
    "timer_create": (222, 0, buffer, buffer), "timerfd_create": (283, 0, 0), "signalfd": (282, -1, buffer, 8), "openat2": (437, -100, b".", buffer, 24), "unknown": (1000,),
}
for name, call in calls.items():
    attempt(name, raw, *call)
import fcntl
attempt("ioctl TIOCSTI", fcntl.ioctl, 0, 0x5412, b"x")
attempt("ioctl FIOSETOWN", fcntl.ioctl, os.pipe()[0], 0x8901, parent.to_bytes(4, "little"))
""",
    "memory": """
from attack import *
import mmap
attempt("10 GB", bytearray, 10 << 30)
attempt("10 GB mapped", mmap.mmap, -1, 10 << 30)
attempt("10 GB shared", lambda: mmap.mmap(-1, 10 << 30, flags=mmap.MAP_SHARED | mmap.MAP_NORESERVE if hasattr(mmap, "MAP_NORESERVE") else mmap.MAP_SHARED))
kept = []
def fill():
    while True:
        kept.append(bytearray(10 << 20))
attempt("in pieces", fill)
""",
    "large files": """
from attack import *
def write():
    with open("large", "wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 20))
attempt("10 GB", write)
os.unlink("large")
attempt("sparse", lambda: open("sparse", "wb").truncate(10 << 30))
attempt("allocated", lambda: os.posix_fallocate(open("allocated", "wb").fileno(), 0, 10 << 30))
""",
}

# Programs that a limit has to end, with the states in which they may end.
ENDLESS = {
    "sleep": ("import time\ntime.sleep(60)", {"timed out"}),
    "stops itself": ("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", {"timed out"}),
    "ignores signals": (
        "import signal, time\nfor one in signal.valid_signals():\n    try:\n        signal.signal(one, signal.SIG_IGN)\n"
        "    except OSError:\n        pass\nwhile True: time.sleep(1)",
        {"timed out"},
    ),
    "closes its output": ("import os, time\nos.close(1); os.close(2); os.close(0)\ntime.sleep(60)", {"timed out"}),
    "endless threads": (
        "import threading, time\nwhile True:\n    threading.Thread(target=time.sleep, args=(60,)).start()",
        {"failed", "killed", "timed out", "out of memory"},
    ),
    "raw threads": (
        "import ctypes, mmap\nlibc = ctypes.CDLL(None)\nstack = mmap.mmap(-1, 1 << 20)\n"
        "address = ctypes.addressof(ctypes.c_char.from_buffer(stack)) + (1 << 20) - 64\n"
        "loop = mmap.mmap(-1, 4096, prot=7)\nloop.write(b'\\xeb\\xfe')\n"
        "code = ctypes.addressof(ctypes.c_char.from_buffer(loop))\n"
        "while True:\n    libc.clone(ctypes.c_void_p(code), ctypes.c_void_p(address), 0x10f00, None)",
        {"failed", "killed", "timed out"},
    ),
    "endless output": ("while True: print('x' * 1000)", {"too much output"}),
    "endless errors": ("import sys\nwhile True: sys.stderr.write('x' * 1000)", {"too much output"}),
    "endless invalid output": ("import os\nwhile True: os.write(1, b'\\xff' * 1000)", {"too much output"}),
    "many files": (
        "n = 0\nwhile True:\n    n += 1\n    open(str(n), 'wb').write(bytes(1 << 20))",
        {"failed", "too much output"},
    ),
    "many empty files": ("n = 0\nwhile True:\n    n += 1\n    open(str(n), 'w').close()", {"too much output"}),
    "nested folders": (
        "import os, time\nfor _ in range(3000):\n    os.mkdir('x' * 200)\n    os.chdir('x' * 200)\ntime.sleep(9)",
        {"killed", "too much output"},
    ),
    "closed folders": (
        "import os, time\nos.mkdir('closed', 0)\nos.makedirs('a/b'); os.symlink('/no/such/folder', 'a/b/root')\ntime.sleep(60)",
        {"killed", "timed out"},
    ),
    "recursion": (
        "import sys\nsys.setrecursionlimit(1 << 30)\ndef f(x):\n    return [f(y) for y in map(f, [x])]\nf(1)",
        {"killed", "out of memory", "failed", "timed out"},
    ),
    "crash": ("import ctypes\nctypes.string_at(1)", {"killed"}),
    "abort": ("import os\nos.abort()", {"killed"}),
    "foreign system calls": (
        "import ctypes\nctypes.CDLL(None).syscall(ctypes.c_long(0x40000000 + 39))",
        {"killed"},
    ),
    "memory": ("x = bytearray(10 << 30)", {"out of memory"}),
}
