//! System calls that a runner never makes, by what they would give to whoever took it over.

#![expect(unsafe_code, reason = "a probe is a raw system call")]

use std::ffi::CStr;

/// What the call does for a process that is not jailed; as root and as anybody, in a container or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Free {
    /// It works.
    Works,
    /// It is a call, with arguments that fail.
    Fails,
    /// That depends on the machine.
    Any,
    /// Nobody should try.
    Untried,
}

pub struct Probe {
    pub name: &'static str,
    pub free: Free,
    /// The system call.
    pub number: i64,
    pub call: fn() -> i64,
}

/// A pointer to nothing, for calls that must not work outside of the jail either.
const NOWHERE: i64 = 1;
const AT_FDCWD: i64 = libc::AT_FDCWD as i64;

fn path(path: &'static CStr) -> i64 {
    path.as_ptr() as i64
}

fn call(number: i64, args: [i64; 6]) -> i64 {
    let [a, b, c, d, e, f] = args;
    // SAFETY: every table row passes what its call takes, or pointers that the kernel refuses.
    unsafe { libc::syscall(number, a, b, c, d, e, f) }
}

fn own(pid: u32) -> i64 {
    pid.into()
}

/// A page that is there, for calls that change pages.
fn page() -> i64 {
    call(libc::SYS_mmap, [0, 4096, i64::from(libc::PROT_READ | libc::PROT_WRITE), PRIVATE, -1, 0])
}

const PRIVATE: i64 = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as i64;
const CODE: i64 = (libc::PROT_READ | libc::PROT_EXEC) as i64;

macro_rules! probes {
    ($($name:literal $free:ident $number:ident ($($arg:expr),*);)*) => {
        &[$(Probe {
            name: $name,
            free: Free::$free,
            number: libc::$number,
            call: || {
                let mut args = [0_i64; 6];
                let given: &[i64] = &[$($arg),*];
                args[..given.len()].copy_from_slice(given);
                call(libc::$number, args)
            },
        }),*]
    };
}

pub static PROBES: &[Probe] = probes! {
    // files
    "open a file" Works SYS_openat (AT_FDCWD, path(c"/etc/passwd"), 0);
    "open a file, the new way" Fails SYS_openat2 (AT_FDCWD, path(c"/etc/passwd"), NOWHERE, 24);
    "open a folder" Works SYS_openat (AT_FDCWD, path(c"/"), libc::O_DIRECTORY.into());
    "open /proc" Works SYS_openat (AT_FDCWD, path(c"/proc/self/maps"), 0);
    "open a process's memory" Works SYS_openat (AT_FDCWD, path(c"/proc/self/mem"), libc::O_RDWR.into());
    "create a file" Any SYS_openat (AT_FDCWD, path(c"/dev/shm/probe"), (libc::O_CREAT | libc::O_WRONLY | libc::O_TMPFILE).into(), 0o600);
    "stat a file" Fails SYS_newfstatat (AT_FDCWD, path(c"/etc/passwd"), NOWHERE, 0);
    "statx a file" Fails SYS_statx (AT_FDCWD, path(c"/etc/passwd"), 0, 0, NOWHERE);
    "ask for access" Works SYS_faccessat (AT_FDCWD, path(c"/etc/passwd"), libc::R_OK.into());
    "read a link" Fails SYS_readlinkat (AT_FDCWD, path(c"/proc/self/exe"), NOWHERE, 10);
    "list a folder" Fails SYS_getdents64 (0, NOWHERE, 100);
    "make a folder" Fails SYS_mkdirat (AT_FDCWD, path(c"/"), 0o700);
    "remove a file" Fails SYS_unlinkat (AT_FDCWD, path(c"/dev/shm/no such file"), 0);
    "rename a file" Fails SYS_renameat2 (AT_FDCWD, path(c"/no such"), AT_FDCWD, path(c"/no such either"), 0);
    "make a link" Fails SYS_linkat (AT_FDCWD, path(c"/no such"), AT_FDCWD, path(c"/no such either"), 0);
    "make a symbolic link" Fails SYS_symlinkat (path(c"x"), AT_FDCWD, path(c"/no such/x"));
    "change a mode" Fails SYS_fchmodat (AT_FDCWD, path(c"/no such"), 0o777);
    "change an owner" Fails SYS_fchownat (AT_FDCWD, path(c"/no such"), 0, 0, 0);
    "cut a file" Fails SYS_truncate (path(c"/no such"), 0);
    "make a device" Fails SYS_mknodat (AT_FDCWD, path(c"/no such/x"), 0, 0);
    "watch files" Works SYS_inotify_init1 (0);
    "watch the file system" Any SYS_fanotify_init (0, 0);
    "take a file's handle" Fails SYS_name_to_handle_at (AT_FDCWD, path(c"/"), NOWHERE, NOWHERE, 0);
    "open by a handle" Fails SYS_open_by_handle_at (AT_FDCWD, NOWHERE, 0);
    "change the folder" Works SYS_chdir (path(c"/"));
    "change the root" Fails SYS_chroot (path(c"/no such"));
    "mount" Fails SYS_mount (0, NOWHERE, 0, 0, 0);
    "unmount" Fails SYS_umount2 (NOWHERE, 0);
    "turn the root" Fails SYS_pivot_root (NOWHERE, NOWHERE);
    "open a file system" Fails SYS_fsopen (NOWHERE, 0);
    "open a tree" Fails SYS_open_tree (AT_FDCWD, path(c"/no such"), 0);
    "send a file" Fails SYS_sendfile (0, 100, 0, 1);
    "control a device" Fails SYS_ioctl (0, 0x5412, NOWHERE);
    // network
    "open an internet socket" Works SYS_socket (libc::AF_INET.into(), libc::SOCK_STREAM.into(), 0);
    "open an IPv6 datagram socket" Any SYS_socket (libc::AF_INET6.into(), libc::SOCK_DGRAM.into(), 0);
    "open a local socket" Works SYS_socket (libc::AF_UNIX.into(), libc::SOCK_STREAM.into(), 0);
    "open a netlink socket" Works SYS_socket (libc::AF_NETLINK.into(), libc::SOCK_RAW.into(), 0);
    "open a raw socket" Any SYS_socket (libc::AF_INET.into(), libc::SOCK_RAW.into(), 1);
    "make a pair of sockets" Fails SYS_socketpair (libc::AF_UNIX.into(), libc::SOCK_STREAM.into(), 0, NOWHERE);
    "connect the socket" Fails SYS_connect (0, NOWHERE, 16);
    "bind the socket" Fails SYS_bind (0, NOWHERE, 16);
    "listen on the socket" Fails SYS_listen (0, 1);
    "accept on the socket" Fails SYS_accept4 (0, 0, 0, 0);
    "pass a file descriptor" Fails SYS_sendmsg (0, NOWHERE, 0);
    "take a file descriptor" Fails SYS_recvmsg (0, NOWHERE, 0);
    "set a socket's option" Fails SYS_setsockopt (0, 1, 2, NOWHERE, 4);
    // processes
    "start a process" Works SYS_clone (libc::SIGCHLD.into());
    "clone3" Fails SYS_clone3 (NOWHERE, 64);
    "start a process that shares memory" Untried SYS_clone ((libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD).into());
    "start a thread in a new namespace" Untried SYS_clone (0x003d_0f00 | i64::from(libc::CLONE_NEWUSER));
    "run a program" Works SYS_execve (path(c"/bin/true"), 0, 0);
    "run a program by its descriptor" Fails SYS_execveat (AT_FDCWD, path(c"/no such"), 0, 0, 0);
    "trace a process" Fails SYS_ptrace (16, 0x7fff_fff0);
    "signal the parent" Works SYS_kill (own(std::os::unix::process::parent_id()), 0);
    "signal everybody" Fails SYS_kill (own(std::os::unix::process::parent_id()), 999);
    "signal the parent's thread" Works SYS_tgkill (own(std::os::unix::process::parent_id()), own(std::os::unix::process::parent_id()), 0);
    "signal a thread" Works SYS_tkill (own(std::os::unix::process::parent_id()), 0);
    "queue a signal" Fails SYS_rt_sigqueueinfo (own(std::os::unix::process::parent_id()), 0, NOWHERE);
    "hold a process" Any SYS_pidfd_open (own(std::os::unix::process::parent_id()), 0);
    "take a process's descriptor" Fails SYS_pidfd_getfd (0, 0, 0);
    "read another's memory" Fails SYS_process_vm_readv (own(std::os::unix::process::parent_id()), NOWHERE, 1, NOWHERE, 1, 0);
    "write another's memory" Fails SYS_process_vm_writev (own(std::os::unix::process::parent_id()), NOWHERE, 1, NOWHERE, 1, 0);
    "compare processes" Any SYS_kcmp (own(std::process::id()), own(std::os::unix::process::parent_id()), 0, 0, 0);
    "wait for a child" Fails SYS_wait4 (-1, 0, 0, 0);
    "join a namespace" Fails SYS_setns (0, 0);
    "leave a namespace" Works SYS_unshare (0);
    "become dumpable" Works SYS_prctl (libc::PR_SET_DUMPABLE.into(), 1);
    "be traced by anybody" Any SYS_prctl (libc::PR_SET_PTRACER.into(), -1);
    "take a capability" Any SYS_prctl (libc::PR_CAP_AMBIENT.into(), 1, 0);
    "change the user" Works SYS_setuid (i64::from(rustix::process::getuid().as_raw()));
    "change the group" Works SYS_setgid (i64::from(rustix::process::getgid().as_raw()));
    "set capabilities" Fails SYS_capset (NOWHERE, NOWHERE);
    "raise a limit" Fails SYS_prlimit64 (0, 1000, 0, 0);
    "change the scheduler" Fails SYS_sched_setscheduler (0, 999, NOWHERE);
    "come forward" Any SYS_setpriority (0, 0, -5);
    "change another's priority" Any SYS_setpriority (0, own(std::os::unix::process::parent_id()), 0);
    "leave the group" Any SYS_setsid ();
    "change the personality" Works SYS_personality (0xffff_ffff);
    // code
    "map code" Works SYS_mmap (0, 4096, CODE, PRIVATE, -1, 0);
    "map writable code" Any SYS_mmap (0, 4096, CODE | i64::from(libc::PROT_WRITE), PRIVATE, -1, 0);
    "make a page code" Works SYS_mprotect (page(), 4096, CODE);
    "make a page code by a key" Any SYS_pkey_mprotect (page(), 4096, CODE, -1);
    "make a file in memory" Works SYS_memfd_create (path(c"x"), 0);
    "make secret memory" Any SYS_memfd_secret (0);
    "share memory" Works SYS_shmget (0, 4096, 0o1000 | 0o600);
    "load a module" Fails SYS_init_module (NOWHERE, 0, NOWHERE);
    "load a module from a file" Fails SYS_finit_module (-1, NOWHERE, 0);
    // the kernel
    "set up io_uring" Fails SYS_io_uring_setup (1, NOWHERE);
    "load a BPF program" Fails SYS_bpf (5, NOWHERE, 8);
    "handle page faults" Any SYS_userfaultfd (0);
    "look at keys" Any SYS_keyctl (0, -3, 0);
    "add a key" Fails SYS_add_key (NOWHERE, NOWHERE, 0, 0, -3);
    "ask for a key" Fails SYS_request_key (NOWHERE, NOWHERE, 0, -3);
    "measure performance" Fails SYS_perf_event_open (NOWHERE, 0, -1, -1, 0);
    "filter calls" Fails SYS_seccomp (99, 0, 0);
    "make rules of Landlock" Fails SYS_landlock_create_ruleset (NOWHERE, 8, 0);
    "restart the machine" Fails SYS_reboot (0, 0, 0, 0);
    "load a kernel" Fails SYS_kexec_load (0, 999, NOWHERE, 0);
    "read the kernel's log" Fails SYS_syslog (99, 0, 0);
    "name the machine" Fails SYS_sethostname (NOWHERE, 8);
    "set the clock" Fails SYS_clock_settime (0, NOWHERE);
    "swap" Fails SYS_swapon (NOWHERE, 0);
    "account" Fails SYS_acct (NOWHERE);
    "ask for the system's name" Fails SYS_uname (NOWHERE);
    "make a timer" Fails SYS_timer_create (0, NOWHERE, NOWHERE);
    "make a pipe" Fails SYS_pipe2 (NOWHERE, 0);
    "make an event descriptor" Works SYS_eventfd2 (0, 0);
    "poll many" Works SYS_epoll_create1 (0);
    "number a descriptor anew" Works SYS_dup (0);
    "change a descriptor's flags" Works SYS_fcntl (0, libc::F_SETFL.into(), 0);
};
