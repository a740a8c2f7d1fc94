//! A program that is not ours, confined to a folder: what it can do there, and what it tries beyond.

#![expect(unsafe_code, reason = "some probes are raw system calls")]

use std::fs::{self, File};
use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use scripts::jail::{Confinement, Landlock, confine};

use crate::child::{Child, FOLDER, NO_JAIL};

/// An exit code that no error number has: this kernel keeps no files.
const NO_LANDLOCK: i32 = 201;

/// Who stands in the way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wall {
    /// Nobody: it must work.
    None,
    /// Landlock, with `EACCES` or, for links between folders, `EXDEV`.
    Files,
    /// The filter, with `EPERM`.
    Calls,
    /// A limit of memory.
    Memory,
}

struct Probe {
    name: &'static str,
    wall: Wall,
    /// Whether it works for a process that is not confined, whoever that is.
    works: bool,
    call: fn(&Path) -> io::Result<()>,
}

/// The folder of a test has `project/` with `in.txt`, `link` to `secret.txt`, and `.out/`; beside it are `secret.txt`,
/// `port` with the number of a listener, and `socket`.
const PROBES: &[Probe] = &[
    works("read", |at| fs::read(at.join("project/in.txt")).map(drop)),
    works("list", |at| fs::read_dir(at.join("project")).map(drop)),
    works("write", |at| fs::write(at.join("project/.out/made"), "made")),
    works("write again", |at| {
        let path = at.join("project/.out/twice");
        fs::write(&path, "long").and_then(|()| fs::write(&path, "x")).and_then(|()| fs::read(&path).map(drop))
    }),
    works("threads", |_| std::thread::Builder::new().spawn(|| ())?.join().map_err(|_| io::Error::other("a panic"))),
    works("pipe", |_| io::pipe().map(drop)),
    files("read beside", |at| fs::read(at.join("secret.txt")).map(drop)),
    files("read upwards", |at| fs::read(at.join("project/../secret.txt")).map(drop)),
    files("read by a link", |at| fs::read(at.join("project/link")).map(drop)),
    files("list beside", |at| fs::read_dir(at).map(drop)),
    files("list the root", |_| fs::read_dir("/").map(drop)),
    files("passwd", |_| fs::read("/etc/passwd").map(drop)),
    files("environment", |_| fs::read("/proc/self/environ").map(drop)),
    files("memory", |_| File::open("/proc/self/mem").map(drop)),
    files("a device", |_| File::open("/dev/zero").map(drop)),
    files("make beside", |at| File::create(at.join("new")).map(drop)),
    files("change beside", |at| File::options().append(true).open(at.join("secret.txt")).map(drop)),
    files("make in the project", |at| File::create(at.join("project/new")).map(drop)),
    files("change the project", |at| File::options().append(true).open(at.join("project/in.txt")).map(drop)),
    files("remove from the project", |at| fs::remove_file(at.join("project/in.txt"))),
    files("make a folder", |at| fs::create_dir(at.join("project/.out/folder"))),
    files("make a link", |at| symlink("/etc/passwd", at.join("project/.out/link"))),
    files("link from beside", |at| fs::hard_link(at.join("secret.txt"), at.join("project/.out/hard"))),
    files("move from beside", |at| fs::rename(at.join("secret.txt"), at.join("project/.out/moved"))),
    files("move out", |at| fs::rename(at.join("project/in.txt"), at.join("moved"))),
    files("start a program", |_| Err(Command::new("/bin/true").exec())),
    calls("tcp", true, |at| TcpStream::connect(("127.0.0.1", port(at)?)).map(drop)),
    calls("listen", true, |_| TcpListener::bind("127.0.0.1:0").map(drop)),
    calls("udp", true, |_| UdpSocket::bind("127.0.0.1:0").map(drop)),
    calls("unix socket", true, |at| UnixStream::connect(at.join("socket")).map(drop)),
    calls("pair of sockets", true, |_| UnixStream::pair().map(drop)),
    calls("io_uring", false, |_| raw(libc::SYS_io_uring_setup, [1, 0, 0, 0])),
    calls("ptrace", false, |_| raw(libc::SYS_ptrace, [i64::from(libc::PTRACE_ATTACH), parent(), 0, 0])),
    calls("signal", true, |_| raw(libc::SYS_kill, [parent(), 0, 0, 0])),
    calls("signal a thread elsewhere", true, |_| raw(libc::SYS_tgkill, [parent(), parent(), 0, 0])),
    calls("read another's memory", false, |_| raw(libc::SYS_process_vm_readv, [parent(), 0, 0, 0])),
    calls("hold a process", true, |_| raw(libc::SYS_pidfd_open, [parent(), 0, 0, 0])),
    calls("mount", false, |_| raw(libc::SYS_mount, [0, 0, 0, 0])),
    calls("root", false, |_| raw(libc::SYS_chroot, [0, 0, 0, 0])),
    calls("namespace", false, |_| raw(libc::SYS_unshare, [i64::from(libc::CLONE_NEWUSER), 0, 0, 0])),
    calls("namespace by clone", false, |_| {
        let flags = libc::CLONE_NEWUSER | libc::SIGCHLD;
        let forked = raw_number(libc::SYS_clone, [flags.into(), 0, 0, 0]);
        match forked {
            // SAFETY: the child of the fork ends at once.
            Ok(0) => unsafe { libc::_exit(0) },
            other => other.map(drop),
        }
    }),
    calls("bpf", false, |_| raw(libc::SYS_bpf, [0, 0, 0, 0])),
    calls("keys", false, |_| raw(libc::SYS_keyctl, [0, 0, 0, 0])),
    calls("performance events", false, |_| raw(libc::SYS_perf_event_open, [0, 0, 0, 0])),
    calls("handles of files", false, |_| raw(libc::SYS_open_by_handle_at, [0, 0, 0, 0])),
    calls("rights", true, |at| {
        fs::set_permissions(at.join("secret.txt"), fs::metadata(at.join("secret.txt"))?.permissions())
    }),
    calls("rights by a newer call", false, |_| raw(452, [0, 0, 0, 0])),
    calls("attributes", false, |_| raw(libc::SYS_setxattr, [0, 0, 0, 0])),
    calls("cut short", true, |at| {
        let path = std::ffi::CString::new(at.join("secret.txt").as_os_str().as_encoded_bytes())?;
        raw(libc::SYS_truncate, [path.as_ptr() as i64, 1, 0, 0])
    }),
    calls("more memory", true, |_| {
        raw(libc::SYS_prlimit64, [0, libc::RLIMIT_AS.into(), 0, std::ptr::from_mut(&mut [0_u64; 2]) as i64])
    }),
    #[cfg(target_arch = "x86_64")]
    calls("a socket by another number", false, |_| {
        raw(0x4000_0000 | libc::SYS_socket, [libc::AF_INET.into(), libc::SOCK_STREAM.into(), 0, 0])
    }),
    Probe { name: "hoard", wall: Wall::Memory, works: true, call: |_| hoard() },
];

const fn works(name: &'static str, call: fn(&Path) -> io::Result<()>) -> Probe {
    Probe { name, wall: Wall::None, works: true, call }
}

const fn files(name: &'static str, call: fn(&Path) -> io::Result<()>) -> Probe {
    Probe { name, wall: Wall::Files, works: true, call }
}

const fn calls(name: &'static str, works: bool, call: fn(&Path) -> io::Result<()>) -> Probe {
    Probe { name, wall: Wall::Calls, works, call }
}

fn port(at: &Path) -> io::Result<u16> {
    // Read before it was confined: the test puts it into the project as well.
    fs::read_to_string(at.join("project/port"))?.parse().map_err(io::Error::other)
}

fn parent() -> i64 {
    std::os::unix::process::parent_id().into()
}

fn raw(number: i64, args: [i64; 4]) -> io::Result<()> {
    raw_number(number, args).map(drop)
}

fn raw_number(number: i64, [a, b, c, d]: [i64; 4]) -> io::Result<i64> {
    // SAFETY: every row passes what its call takes, or nothing, which the kernel refuses.
    let returned = unsafe { libc::syscall(number, a, b, c, d, 0, 0) };
    if returned < 0 { Err(io::Error::last_os_error()) } else { Ok(returned) }
}

fn hoard() -> io::Result<()> {
    let mut bytes = Vec::<u8>::new();
    bytes.try_reserve_exact(5 << 30).map_err(|_| io::Error::from_raw_os_error(libc::ENOMEM))
}

/// Does what the probe says; the exit code is 0 or the error's number.
pub fn child(name: &str, confined: bool) -> i32 {
    let (Some(probe), Ok(at)) = (PROBES.iter().find(|probe| probe.name == name), std::env::var(FOLDER)) else {
        return NO_JAIL;
    };
    let at = PathBuf::from(at);
    if confined {
        let project = at.join("project");
        let program = std::env::current_exe().expect("the test has a file");
        let writes = project.join(".out");
        match confine(&Confinement { program, reads: vec![project], writes, address_space_bytes: 4 << 30 }) {
            Ok(Landlock::None) if probe.wall == Wall::Files => return NO_LANDLOCK,
            Ok(_) => {}
            Err(_) => return NO_JAIL,
        }
    }
    match (probe.call)(&at) {
        Ok(()) => 0,
        Err(error) => error.raw_os_error().unwrap_or(NO_JAIL),
    }
}

/// A folder as the probes expect it.
fn folder(port: u16) -> (tempfile::TempDir, UnixListener) {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    fs::create_dir_all(at.join("project/.out")).expect("folders");
    for (name, text) in [("secret.txt", "secret"), ("project/in.txt", "in"), ("project/port", &port.to_string())] {
        fs::write(at.join(name), text).expect("a file");
    }
    symlink(at.join("secret.txt"), at.join("project/link")).expect("a link");
    let listener = UnixListener::bind(at.join("socket")).expect("a socket");
    (folder, listener)
}

#[test]
fn a_confined_program_has_its_folder_and_nothing_else() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let port = listener.local_addr().expect("an address").port();
    let mut wrong = Vec::new();
    let mut kept = 0;
    for probe in PROBES {
        let (folder, _socket) = folder(port);
        let status = Child::start_in(folder.path(), probe.name, true).wait();
        let right = match (probe.wall, status.code()) {
            (Wall::None, code) => code == Some(0),
            (Wall::Files, Some(NO_LANDLOCK)) => {
                println!("{}: this kernel has no Landlock", probe.name);
                true
            }
            (Wall::Files, code) => [libc::EACCES, libc::EXDEV].map(Some).contains(&code),
            (Wall::Calls, code) => code == Some(libc::EPERM),
            (Wall::Memory, code) => code == Some(libc::ENOMEM),
        };
        kept += usize::from(probe.wall != Wall::None && right);
        if !right {
            wrong.push(format!("{}: {status}", probe.name));
        }
        let secret = fs::read_to_string(folder.path().join("secret.txt")).expect("it is still there");
        assert_eq!(secret, "secret", "{}", probe.name);
    }
    println!("{kept} of {} probes stopped", PROBES.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
    listener.set_nonblocking(true).expect("a setting");
    assert_eq!(listener.accept().expect_err("nobody").kind(), io::ErrorKind::WouldBlock);
}

/// What shows that the probes above prove something.
#[test]
fn outside_of_the_confinement_probes_work() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
    let mut wrong = Vec::new();
    for probe in PROBES.iter().filter(|probe| probe.works) {
        let (folder, _socket) = folder(listener.local_addr().expect("an address").port());
        let status = Child::start_in(folder.path(), probe.name, false).wait();
        if status.code() != Some(0) {
            wrong.push(format!("{}: {status}", probe.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
