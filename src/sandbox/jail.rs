//! The jail: what a worker takes away from itself before it reads the first byte of a job.
//!
//! In this order: it dies with the daemon, and before it; it can gain no privileges; memory, CPU time, stack,
//! files, processes and core dumps are limited (`setrlimit`); Landlock takes away all files, TCP
//! and signals to others; at last a seccomp filter leaves the system calls of [`ALLOWED`].
//! Landlock may be missing, as it is on many kernels: the filter forbids the same and more. A
//! kernel without the filter gets no worker, because nothing else stands before the network.
//!
//! Descriptors that the daemon itself was started with, and that are not closed on `exec`, come down
//! to a worker. The filter takes those away as well: it lets a worker read from its socket, write
//! to it and to its last words, and map no file.
//!
//! A forbidden call fails with `EPERM` and does not kill. The call is not made either way; and the
//! standard library and the next glibc may try a call that is optional to them, which must not cost
//! every job on that host.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::os::fd::{AsRawFd as _, BorrowedFd};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _, RulesetError, RulesetStatus,
    Scope,
};
use rustix::process::{
    Resource, Rlimit, Signal, getpid, getrlimit, set_parent_process_death_signal, setrlimit,
};
use rustix::thread::set_no_new_privs;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch,
};

use super::protocol::Landlock;
use crate::limits::{WORKER_CPU_SECONDS_MAX, WORKER_MEMORY_BYTES_MAX, WORKER_STACK_BYTES_MAX};

/// The newest Landlock whose rules are known here; older kernels do what they know of it.
const LANDLOCK: ABI = ABI::V6;
/// The calls that a worker makes once it is ready; those of [`conditions`] come to it.
const ALLOWED: [libc::c_long; 17] = [
    libc::SYS_close,
    // Memory.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    // Locks, and seeds of hash tables.
    libc::SYS_futex,
    libc::SYS_getrandom,
    // Time, where the kernel has no vDSO for it.
    libc::SYS_clock_gettime,
    libc::SYS_restart_syscall,
    // The handler of a stack overflow, and `abort`.
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_getpid,
    libc::SYS_gettid,
    // The end.
    libc::SYS_exit,
    libc::SYS_exit_group,
];
/// The limit of what a worker needs none of.
const NOTHING: u64 = 0;
/// The limit of core dumps, which would have people's data in them. One byte is too short for any
/// file, and is the one value by which the kernel does not hand them to a program either.
const NO_CORE: u64 = 1;

/// Puts this process into the jail; there is no way back. To be called before any thread is
/// started, because the calling thread and those it starts are what is held. What is left to it is
/// `socket`.
///
/// # Errors
/// One sentence for the operator: the kernel refused something that must hold.
pub(super) fn enter(socket: BorrowedFd<'_>) -> Result<Landlock, String> {
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(refused("to end with the daemon"))?;
    // Where the host runs out of memory, a worker is what it can spare. Not all hosts let it say so.
    drop(fs::write("/proc/self/oom_score_adj", "1000"));
    set_no_new_privs(true).map_err(refused("to renounce privileges"))?;
    let limits = [
        (Resource::As, WORKER_MEMORY_BYTES_MAX),
        (Resource::Cpu, WORKER_CPU_SECONDS_MAX),
        (Resource::Stack, WORKER_STACK_BYTES_MAX),
        (Resource::Fsize, NOTHING),
        (Resource::Nproc, NOTHING),
    ];
    for (resource, most) in limits {
        limit(resource, most)?;
    }
    forbid_dumps()?;
    let landlock = landlock();
    // Landlock's rules are a descriptor for a moment, so this limit comes after it.
    limit(Resource::Nofile, NOTHING)?;
    let filter =
        filter(socket).map_err(|error| format!("the filter of system calls is wrong: {error}"))?;
    seccompiler::apply_filter(&filter).map_err(refused("a filter of system calls"))?;
    Ok(landlock)
}

fn refused<E: Display>(what: &str) -> impl FnOnce(E) -> String {
    move |error| format!("the kernel refuses {what}: {error}")
}

/// Lowers a limit; one that is lower already stays.
fn limit(resource: Resource, most: u64) -> Result<(), String> {
    let now = getrlimit(resource);
    let lower = |set: Option<u64>| Some(set.map_or(most, |set| set.min(most)));
    let limit = Rlimit { current: lower(now.current), maximum: lower(now.maximum) };
    setrlimit(resource, limit).map_err(|error| format!("cannot limit {resource:?}: {error}"))
}

/// Sets [`NO_CORE`], also where the limit is lower already, except where it cannot be raised.
fn forbid_dumps() -> Result<(), String> {
    let most = getrlimit(Resource::Core).maximum.map_or(NO_CORE, |set| set.min(NO_CORE));
    let limit = Rlimit { current: Some(most), maximum: Some(most) };
    setrlimit(Resource::Core, limit).map_err(|error| format!("cannot limit dumps: {error}"))
}

/// Takes away all that Landlock knows, and gives nothing back.
fn landlock() -> Landlock {
    let enforce = || -> Result<RulesetStatus, RulesetError> {
        let rules = Ruleset::default()
            .handle_access(AccessFs::from_all(LANDLOCK))?
            .handle_access(AccessNet::from_all(LANDLOCK))?
            .scope(Scope::from_all(LANDLOCK))?;
        Ok(rules.create()?.restrict_self()?.ruleset)
    };
    match enforce() {
        Ok(RulesetStatus::FullyEnforced) => Landlock::Full,
        Ok(RulesetStatus::PartiallyEnforced) => Landlock::Partial,
        Ok(RulesetStatus::NotEnforced) => {
            Landlock::Missing("this kernel has no Landlock, or it is switched off".to_owned())
        }
        Err(error) => Landlock::Missing(error.to_string()),
    }
}

/// The program by which the kernel judges every system call from then on.
fn filter(socket: BorrowedFd<'_>) -> Result<BpfProgram, BackendError> {
    let mut rules: BTreeMap<_, _> = ALLOWED.into_iter().map(|call| (call, Vec::new())).collect();
    rules.extend(conditions(socket)?);
    let eperm = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let here = TargetArch::try_from(std::env::consts::ARCH)?;
    SeccompFilter::new(rules, eperm, SeccompAction::Allow, here)?.try_into()
}

/// The calls that are allowed with some arguments only. Each has its rules, of which one must hold.
fn conditions(
    socket: BorrowedFd<'_>,
) -> Result<[(libc::c_long, Vec<SeccompRule>); 7], BackendError> {
    let socket = || is(0, word(socket.as_raw_fd()));
    let last_words = is(0, word(libc::STDERR_FILENO))?;
    // No memory that can be run as a program: there is none to make. And none of a file.
    let is_plain = || no_bits(2, word(libc::PROT_EXEC));
    let is_of_no_file = is(4, word(-1))?;
    let has_no_address = SeccompCondition::new(4, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, 0)?;
    // A signal to itself is how `abort` ends a process.
    let is_to_itself = is(0, word(getpid().as_raw_nonzero().get()))?;
    Ok([
        (libc::SYS_read, vec![all([socket()?])?]),
        (libc::SYS_recvfrom, vec![all([socket()?])?]),
        (libc::SYS_write, vec![all([socket()?])?, all([last_words])?]),
        (libc::SYS_sendto, vec![all([socket()?, has_no_address])?]),
        (libc::SYS_mmap, vec![all([is_plain()?, is_of_no_file])?]),
        (libc::SYS_mprotect, vec![all([is_plain()?])?]),
        (libc::SYS_tgkill, vec![all([is_to_itself])?]),
    ])
}

/// An `int` as the lower half of a register has it.
fn word(value: i32) -> u32 {
    u32::from_ne_bytes(value.to_ne_bytes())
}

/// That the `int` in this place is `value`.
fn is(argument: u8, value: u32) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value.into())
}

/// That none of these bits are set in the `int` in this place.
fn no_bits(argument: u8, bits: u32) -> Result<SeccompCondition, BackendError> {
    let operator = SeccompCmpOp::MaskedEq(bits.into());
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, 0)
}

fn all<const N: usize>(conditions: [SeccompCondition; N]) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(conditions.into())
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;

    use super::*;

    /// All calls that are allowed, with conditions or without.
    fn calls() -> Vec<libc::c_long> {
        let conditions = conditions(std::io::stdin().as_fd()).unwrap();
        ALLOWED.into_iter().chain(conditions.into_iter().map(|(call, _)| call)).collect()
    }

    #[test]
    fn no_call_is_allowed_twice_or_with_and_without_conditions() {
        let mut calls = calls();
        let all = calls.len();
        calls.sort_unstable();
        calls.dedup();
        assert_eq!(calls.len(), all);
        assert!(filter(std::io::stdin().as_fd()).is_ok());
    }

    #[test]
    fn nothing_that_opens_a_door_is_allowed() {
        let calls = calls();
        for call in [
            libc::SYS_openat,
            libc::SYS_socket,
            libc::SYS_connect,
            libc::SYS_sendmsg,
            libc::SYS_recvmsg,
            libc::SYS_clone,
            libc::SYS_execve,
            libc::SYS_kill,
            libc::SYS_ptrace,
            libc::SYS_process_vm_readv,
            libc::SYS_io_uring_setup,
            libc::SYS_ioctl,
            libc::SYS_prctl,
            libc::SYS_prlimit64,
        ] {
            assert!(!calls.contains(&call), "{call}");
        }
    }
}
