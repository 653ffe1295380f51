//! The wall around the kernel's calls: lists of what a host and a compiling process make, installed by seccomp.
//!
//! What is not on a list is answered as though the kernel did not know it (`ENOSYS`):
//! libraries then fall back to an older call, and a newer kernel's calls are refused
//! before anybody has heard of them.

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule,
};

use crate::{LockError, Wall};

/// Where a kernel says which answers of seccomp it knows; it is there where seccomp is.
const ACTIONS: &str = "/proc/sys/kernel/seccomp/actions_avail";

/// Memory, threads, time, the ends of things: what every process of ours does.
const COMPUTING: &[i64] = &[
    libc::SYS_brk,
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_fstat,
    libc::SYS_futex,
    libc::SYS_get_robust_list,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_madvise,
    libc::SYS_membarrier,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_ppoll,
    libc::SYS_prlimit64,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_sigaltstack,
    libc::SYS_tgkill,
    libc::SYS_write,
    libc::SYS_writev,
];

/// What a host does besides: files, sockets, the processes that it starts.
const HOSTING: &[i64] = &[
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_bind,
    libc::SYS_capget,
    libc::SYS_chdir,
    libc::SYS_close_range,
    libc::SYS_connect,
    libc::SYS_copy_file_range,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_eventfd2,
    libc::SYS_execve,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fadvise64,
    libc::SYS_fallocate,
    libc::SYS_fchdir,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchmodat2,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_fcntl,
    libc::SYS_fdatasync,
    libc::SYS_flock,
    libc::SYS_fstatfs,
    libc::SYS_fsync,
    libc::SYS_ftruncate,
    libc::SYS_futex_waitv,
    libc::SYS_getcpu,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getgroups,
    libc::SYS_getitimer,
    libc::SYS_getpeername,
    libc::SYS_getpgid,
    libc::SYS_getppid,
    libc::SYS_getpriority,
    libc::SYS_getresgid,
    libc::SYS_getresuid,
    libc::SYS_getrusage,
    libc::SYS_getsid,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_gettimeofday,
    libc::SYS_getuid,
    libc::SYS_getxattr,
    libc::SYS_kill,
    // A process that it starts locks itself further.
    libc::SYS_landlock_add_rule,
    libc::SYS_landlock_create_ruleset,
    libc::SYS_landlock_restrict_self,
    libc::SYS_seccomp,
    libc::SYS_linkat,
    libc::SYS_listen,
    libc::SYS_lseek,
    libc::SYS_memfd_create,
    libc::SYS_mincore,
    libc::SYS_mkdirat,
    libc::SYS_mlock,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_msync,
    libc::SYS_munlock,
    libc::SYS_newfstatat,
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_send_signal,
    libc::SYS_pipe2,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_preadv2,
    libc::SYS_pselect6,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_pwritev2,
    libc::SYS_readahead,
    libc::SYS_readlinkat,
    libc::SYS_recvfrom,
    libc::SYS_recvmmsg,
    libc::SYS_recvmsg,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_rt_sigpending,
    libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_sched_get_priority_max,
    libc::SYS_sched_get_priority_min,
    libc::SYS_sched_getparam,
    libc::SYS_sched_getscheduler,
    libc::SYS_sched_setaffinity,
    libc::SYS_sendfile,
    libc::SYS_sendmmsg,
    libc::SYS_sendmsg,
    libc::SYS_sendto,
    libc::SYS_setpgid,
    libc::SYS_setsid,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
    libc::SYS_signalfd4,
    libc::SYS_socketpair,
    libc::SYS_splice,
    libc::SYS_statfs,
    libc::SYS_statx,
    libc::SYS_symlinkat,
    libc::SYS_sync_file_range,
    libc::SYS_sysinfo,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_gettime,
    libc::SYS_timerfd_settime,
    libc::SYS_times,
    libc::SYS_truncate,
    libc::SYS_umask,
    libc::SYS_uname,
    libc::SYS_unlinkat,
    libc::SYS_utimensat,
    libc::SYS_wait4,
    libc::SYS_waitid,
];

/// The same under the names of before, which newer machines do not have.
#[cfg(target_arch = "x86_64")]
const OLDER: &[i64] = &[
    libc::SYS_access,
    libc::SYS_arch_prctl,
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_dup2,
    libc::SYS_epoll_create,
    libc::SYS_epoll_wait,
    libc::SYS_eventfd,
    libc::SYS_fork,
    libc::SYS_getdents,
    libc::SYS_getpgrp,
    libc::SYS_getrlimit,
    libc::SYS_lchown,
    libc::SYS_link,
    libc::SYS_lstat,
    libc::SYS_mkdir,
    libc::SYS_open,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_rename,
    libc::SYS_rmdir,
    libc::SYS_select,
    libc::SYS_setrlimit,
    libc::SYS_stat,
    libc::SYS_symlink,
    libc::SYS_time,
    libc::SYS_unlink,
    libc::SYS_vfork,
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[i64] = &[];

/// What is asked of a thread or process by `prctl`: its name, the names of its memory,
/// that it never gains rights, that it ends with its parent.
const PRCTLS: [libc::c_int; 5] = [
    libc::PR_SET_NAME,
    libc::PR_GET_NAME,
    libc::PR_SET_VMA,
    libc::PR_SET_NO_NEW_PRIVS,
    libc::PR_SET_PDEATHSIG,
];

/// `TIOCSTI` and `TIOCLINUX`, which `libc` has in a type of its own for each C library.
const TYPING: [u64; 2] = [0x5412, 0x541c];

/// Worlds of its own for a process: the way into most of a kernel's younger code.
const NAMESPACES: libc::c_int = libc::CLONE_NEWUSER
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWCGROUP;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

pub(crate) fn of_host() -> Result<Wall, LockError> {
    install("the calls of a server, no others", || {
        let mut rules = plain([COMPUTING, HOSTING, OLDER]);
        // Listening and dialling, and asking which addresses this machine has.
        let families = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6];
        let mut sockets = one_of(0, &families)?;
        sockets.push(SeccompRule::new(vec![
            equal(0, libc::AF_NETLINK)?,
            equal(2, libc::NETLINK_ROUTE)?,
        ])?);
        rules.insert(libc::SYS_socket, sockets);
        // Typing into the terminal of whoever started it.
        let harmless = TYPING.iter().map(|call| differs(1, *call)).collect::<Result<_, _>>()?;
        rules.insert(libc::SYS_ioctl, vec![SeccompRule::new(harmless)?]);
        rules.insert(libc::SYS_prctl, one_of(0, &PRCTLS)?);
        // `clone3` hides its flags from filters; libraries fall back to this one.
        let clone = vec![without(0, NAMESPACES)?];
        rules.insert(libc::SYS_clone, vec![SeccompRule::new(clone)?]);
        Ok(rules)
    })
}

pub(crate) fn of_compiler() -> Result<Wall, LockError> {
    install("memory and threads, nothing else", || {
        let mut rules = plain([COMPUTING, &[], &[]]);
        let thread = SeccompCondition::new(
            0,
            SeccompCmpArgLen::Dword,
            SeccompCmpOp::MaskedEq(libc::CLONE_THREAD as u64),
            libc::CLONE_THREAD as u64,
        )?;
        rules.insert(libc::SYS_clone, vec![SeccompRule::new(vec![thread])?]);
        // It makes code and runs none of it.
        for call in [libc::SYS_mmap, libc::SYS_mprotect] {
            let data = vec![without(2, libc::PROT_EXEC)?];
            rules.insert(call, vec![SeccompRule::new(data)?]);
        }
        rules.insert(libc::SYS_prctl, one_of(0, &[libc::PR_SET_NAME, libc::PR_SET_VMA])?);
        Ok(rules)
    })
}

fn install(
    whole: &str,
    rules: impl FnOnce() -> Result<Rules, BackendError>,
) -> Result<Wall, LockError> {
    let failed = |error: String| LockError::Calls(error);
    if !std::path::Path::new(ACTIONS).exists() {
        return Ok(Wall::None("this kernel has none (CONFIG_SECCOMP_FILTER)".into()));
    }
    let Ok(machine) = std::env::consts::ARCH.try_into() else {
        return Ok(Wall::None(format!("no list of calls for {}", std::env::consts::ARCH)));
    };
    let unknown = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    let filter: Result<BpfProgram, BackendError> = rules()
        .and_then(|rules| SeccompFilter::new(rules, unknown, SeccompAction::Allow, machine))
        .and_then(TryInto::try_into);
    let filter = filter.map_err(|error| failed(error.to_string()))?;
    seccompiler::apply_filter_all_threads(&filter).map_err(|error| failed(error.to_string()))?;
    Ok(Wall::Whole(whole.into()))
}

/// Calls that are allowed whatever they are called with.
fn plain(lists: [&[i64]; 3]) -> Rules {
    lists.into_iter().flatten().map(|call| (*call, Vec::new())).collect()
}

fn equal(argument: u8, value: libc::c_int) -> Result<SeccompCondition, BackendError> {
    let value = u64::from(value.unsigned_abs());
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

fn differs(argument: u8, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, value)
}

/// None of these bits.
fn without(argument: u8, bits: libc::c_int) -> Result<SeccompCondition, BackendError> {
    // As bits: the highest of them are no sign.
    let bits = u64::from(u32::from_ne_bytes(bits.to_ne_bytes()));
    let masked = SeccompCmpOp::MaskedEq(bits);
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, masked, 0)
}

fn one_of(argument: u8, values: &[libc::c_int]) -> Result<Vec<SeccompRule>, BackendError> {
    values.iter().map(|value| SeccompRule::new(vec![equal(argument, *value)?])).collect()
}
