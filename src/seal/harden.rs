//! Keeps the process's memory to itself: no core dumps, no attaching by the same user, no swap where possible.
//!
//! Called once, first thing in `main`, before any secret is read. It must never make the program fail: where the
//! system refuses, the caller is told and decides what to say.
//!
//! Root can read any process's memory whatever is done here.

/// What the system granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hardening {
    /// A crash writes no memory to disk.
    pub no_core_dumps: bool,
    /// Other processes of the same user cannot read this one's memory (Linux).
    pub not_traceable: bool,
    /// Pages are not written to swap. Granted only where the memory lock limit is unlimited (for the daemon:
    /// `LimitMEMLOCK=infinity` in its systemd unit), or does not count because the process has the capability
    /// `CAP_IPC_LOCK`, as root in a container does: under a lower limit, allocations beyond it would fail, and one
    /// passphrase file needs 128 MiB.
    pub memory_locked: bool,
}

/// Asks the system for everything in [`Hardening`].
#[cfg(unix)]
pub fn harden() -> Hardening {
    use rustix::process::{Resource, Rlimit, setrlimit};

    let no_core_dumps = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }).is_ok();
    Hardening { no_core_dumps, not_traceable: not_traceable(), memory_locked: memory_locked() }
}

/// Windows writes no core dumps unless the user configures it, and has no equivalent of the rest.
#[cfg(not(unix))]
pub fn harden() -> Hardening {
    Hardening { no_core_dumps: false, not_traceable: false, memory_locked: false }
}

#[cfg(target_os = "linux")]
fn not_traceable() -> bool {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    set_dumpable_behavior(DumpableBehavior::NotDumpable).is_ok()
}

#[cfg(all(unix, not(target_os = "linux")))]
fn not_traceable() -> bool {
    false
}

#[cfg(target_os = "linux")]
fn memory_locked() -> bool {
    use rustix::mm::{MlockAllFlags, mlockall};
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    let unlimited = || {
        getrlimit(Resource::Memlock).maximum.is_none()
            && setrlimit(Resource::Memlock, Rlimit { current: None, maximum: None }).is_ok()
    };
    (beyond_limits() || unlimited())
        && mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT).is_ok()
}

/// Whether the limit does not count for this process.
#[cfg(target_os = "linux")]
fn beyond_limits() -> bool {
    use rustix::thread::{CapabilitySet, capabilities};
    capabilities(None).is_ok_and(|granted| granted.effective.contains(CapabilitySet::IPC_LOCK))
}

#[cfg(all(unix, not(target_os = "linux")))]
fn memory_locked() -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::{DumpableBehavior, Resource, dumpable_behavior, getrlimit};

    #[test]
    fn a_crash_leaves_nothing_on_disk() {
        let granted = super::harden();
        assert!(granted.no_core_dumps && granted.not_traceable);
        assert_eq!(getrlimit(Resource::Core).current, Some(0));
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        let allowed = super::beyond_limits() || getrlimit(Resource::Memlock).maximum.is_none();
        assert_eq!(granted.memory_locked, allowed, "locking under a limit would make later allocations fail");
    }
}
