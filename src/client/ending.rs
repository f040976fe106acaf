//! What asks this program to end while it waits: Ctrl-C, a signal, a terminal that is closed.
//!
//! Whoever listens has something to put in order before they end (an access to give back, a clipboard to clear). From
//! then on none of these ends the program by itself any more, so this is begun after the last question to the person,
//! and what comes in must never be lost: it stays asked until somebody took it.

use std::time::Duration;

#[cfg(unix)]
pub(super) use unix::{Asked, Ending};
#[cfg(windows)]
pub(super) use windows::{Asked, Ending};

impl Ending {
    /// What was asked up to now is known; only what comes later is told by [`Self::next`].
    pub(super) async fn forget(&mut self) {
        while tokio::time::timeout(Duration::ZERO, self.next()).await.is_ok() {}
    }

    /// Waits for somebody to press the keys.
    pub(super) async fn keys(&mut self) {
        while self.next().await != Asked::Keys {}
    }
}

#[cfg(unix)]
mod unix {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use signal_hook::SigId;
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    use tokio::signal::unix::{Signal, SignalKind, signal};

    use crate::client::failure::Failure;

    /// How it was asked.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(in crate::client) enum Asked {
        /// Ctrl-C or Ctrl-\: a terminal tells every program in its foreground.
        Keys,
        /// Asked to end by another program.
        Terminate,
        /// The terminal is closed.
        HangUp,
    }

    /// Listens.
    pub(in crate::client) struct Ending {
        interrupt: Signal,
        quit: Signal,
        terminate: Signal,
        /// None: whoever started this program wants it to outlive the terminal (`nohup`).
        hang_up: Option<Signal>,
        asked: Arc<AtomicBool>,
        flags: Vec<SigId>,
    }

    impl Ending {
        pub(in crate::client) fn listen() -> Result<Self, Failure> {
            let outlives_terminal = outlives_terminal();
            let asked = Arc::new(AtomicBool::new(false));
            let signals = [SIGINT, SIGQUIT, SIGTERM, SIGHUP];
            let wanted = signals.into_iter().filter(|signal| *signal != SIGHUP || !outlives_terminal);
            // The flag is there at once; the streams, only after the runtime has seen it.
            let mut flags = Vec::new();
            for signal in wanted {
                flags.push(signal_hook::flag::register(signal, asked.clone()).map_err(Failure::technical)?);
            }
            let stream = |kind: SignalKind| signal(kind).map_err(Failure::technical);
            Ok(Self {
                interrupt: stream(SignalKind::interrupt())?,
                quit: stream(SignalKind::quit())?,
                terminate: stream(SignalKind::terminate())?,
                hang_up: if outlives_terminal { None } else { Some(stream(SignalKind::hangup())?) },
                asked,
                flags,
            })
        }

        /// Whether it was asked up to this moment, by anything that came since the beginning.
        pub(in crate::client) fn is_asked(&mut self) -> bool {
            self.asked.load(Ordering::SeqCst)
        }

        /// Waits for the next time that it is asked.
        pub(in crate::client) async fn next(&mut self) -> Asked {
            let hang_up = async {
                match &mut self.hang_up {
                    Some(signal) => signal.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = self.interrupt.recv() => Asked::Keys,
                _ = self.quit.recv() => Asked::Keys,
                _ = self.terminate.recv() => Asked::Terminate,
                _ = hang_up => Asked::HangUp,
            }
        }
    }

    impl Drop for Ending {
        fn drop(&mut self) {
            for flag in self.flags.drain(..) {
                signal_hook::low_level::unregister(flag);
            }
        }
    }

    /// Whether the signal of a closed terminal was ignored when this program began. Only Linux says so.
    fn outlives_terminal() -> bool {
        static OUTLIVES: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
        *OUTLIVES.get_or_init(|| {
            let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
            let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
            let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
            // Signals count from 1.
            ignored.is_some_and(|mask| mask & 1 << (SIGHUP - 1) != 0)
        })
    }
}

#[cfg(windows)]
mod windows {
    use std::task::{Context, Waker};

    use tokio::signal::windows::{CtrlBreak, CtrlC, CtrlClose, ctrl_break, ctrl_c, ctrl_close};

    use crate::client::failure::Failure;

    /// How it was asked.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(in crate::client) enum Asked {
        /// Ctrl-C or Ctrl-Break: every program at the console is told.
        Keys,
        /// The console is closed; every program at it is told.
        HangUp,
    }

    /// Listens.
    pub(in crate::client) struct Ending {
        interrupt: CtrlC,
        quit: CtrlBreak,
        hang_up: CtrlClose,
        asked: bool,
    }

    impl Ending {
        pub(in crate::client) fn listen() -> Result<Self, Failure> {
            Ok(Self {
                interrupt: ctrl_c().map_err(Failure::technical)?,
                quit: ctrl_break().map_err(Failure::technical)?,
                hang_up: ctrl_close().map_err(Failure::technical)?,
                asked: false,
            })
        }

        /// Whether it was asked up to this moment, by anything that came since the beginning.
        pub(in crate::client) fn is_asked(&mut self) -> bool {
            let mut context = Context::from_waker(Waker::noop());
            let all = [
                self.interrupt.poll_recv(&mut context).is_ready(),
                self.quit.poll_recv(&mut context).is_ready(),
                self.hang_up.poll_recv(&mut context).is_ready(),
            ];
            self.asked |= all.contains(&true);
            self.asked
        }

        /// Waits for the next time that it is asked.
        pub(in crate::client) async fn next(&mut self) -> Asked {
            let how = tokio::select! {
                _ = self.interrupt.recv() => Asked::Keys,
                _ = self.quit.recv() => Asked::Keys,
                _ = self.hang_up.recv() => Asked::HangUp,
            };
            self.asked = true;
            how
        }
    }
}
