//! The system calls of a runner: what Rust's standard library, the allocator and QuickJS need to run threads that talk
//! over a socket that is already there.

use std::collections::BTreeMap;

use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::SeccompCmpOp::{Eq, Le, MaskedEq};
use seccompiler::{BackendError, SeccompCondition, SeccompRule};

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// What `pthread_create` asks of `clone`: a thread of this process, and nothing else.
const THREAD: u64 = (libc::CLONE_VM
    | libc::CLONE_FS
    | libc::CLONE_FILES
    | libc::CLONE_SYSVSEM
    | libc::CLONE_SIGHAND
    | libc::CLONE_THREAD
    | libc::CLONE_SETTLS
    | libc::CLONE_PARENT_SETTID
    | libc::CLONE_CHILD_CLEARTID) as u64;
/// musl sets it as well; the kernel ignores it.
const IGNORED: u64 = libc::CLONE_DETACHED as u64;
/// `prctl(PR_SET_VMA)`: the C library names its memory.
const PR_SET_VMA: u64 = 0x5356_4d41;
/// `prctl(PR_GET_AUXV)`: what the kernel told this process at its start, such as where the clock is.
const PR_GET_AUXV: u64 = 0x4155_5856;

/// Calls that exist nowhere, as on an older kernel: the C library then takes the older call, whose arguments a filter
/// can read.
pub(super) fn absent() -> Rules {
    BTreeMap::from([(libc::SYS_clone3, Vec::new())])
}

/// Calls that fail, and do no more than that: allocators look into /proc and /sys while they work, and go on without.
pub(super) fn refused() -> Rules {
    let calls = [
        libc::SYS_openat,
        libc::SYS_faccessat,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_access,
    ];
    calls.into_iter().map(|call| (call, Vec::new())).collect()
}

/// Calls that pass, and for some of them with which arguments; an empty list is any.
pub(super) fn allowed() -> Result<Rules, BackendError> {
    let mut rules: Rules = ANY.iter().map(|call| (*call, Vec::new())).collect();
    // Other filters have the last word on these.
    rules.extend(absent().into_iter().chain(refused()));
    let no_code = vec![SeccompCondition::new(2, Qword, MaskedEq(libc::PROT_EXEC as u64), 0)?];
    rules.insert(libc::SYS_mmap, vec![SeccompRule::new(no_code.clone())?]);
    rules.insert(libc::SYS_mprotect, vec![SeccompRule::new(no_code)?]);
    rules.insert(libc::SYS_clone, vec![first(Qword, MaskedEq(!IGNORED), THREAD)?]);
    let about_itself = [libc::PR_SET_NAME as u64, PR_SET_VMA, PR_GET_AUXV];
    let about_itself = about_itself.into_iter().map(|option| first(Dword, Eq, option));
    rules.insert(libc::SYS_prctl, about_itself.collect::<Result<_, _>>()?);
    // A thread that computes for long steps back; none comes forward.
    rules.insert(
        libc::SYS_setpriority,
        vec![SeccompRule::new(vec![
            SeccompCondition::new(0, Dword, Eq, libc::PRIO_PROCESS.into())?,
            SeccompCondition::new(1, Dword, Eq, 0)?,
            SeccompCondition::new(2, Dword, Le, 19)?,
        ])?],
    );
    // By a timer that goes by its own CPU clock, and by no other.
    let own_clock = first(Dword, Eq, libc::CLOCK_THREAD_CPUTIME_ID.unsigned_abs().into())?;
    rules.insert(libc::SYS_timer_create, vec![own_clock]);
    // `abort` signals itself.
    rules.insert(libc::SYS_tgkill, vec![first(Dword, Eq, std::process::id().into())?]);
    // A second handle; and builds for tests look whether one is open before they close it.
    let handles = [libc::F_DUPFD_CLOEXEC, libc::F_GETFD].into_iter();
    let handles = handles.map(|what| SeccompRule::new(vec![SeccompCondition::new(1, Dword, Eq, what as u64)?]));
    rules.insert(libc::SYS_fcntl, handles.collect::<Result<_, _>>()?);
    Ok(rules)
}

fn first(
    length: seccompiler::SeccompCmpArgLen,
    compare: seccompiler::SeccompCmpOp,
    value: u64,
) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(0, length, compare, value)?])
}

const ANY: &[i64] = &[
    // the socket
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_recvfrom,
    libc::SYS_sendto,
    libc::SYS_ppoll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    libc::SYS_close,
    // memory
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_brk,
    libc::SYS_madvise,
    // threads
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_sched_yield,
    // The allocator asks how many cores there are.
    libc::SYS_sched_getaffinity,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_sigaltstack,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
    // time and chance
    libc::SYS_clock_gettime,
    libc::SYS_timer_settime,
    libc::SYS_timer_delete,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_getrandom,
];
