//! Points in time and lengths of time, in whole seconds. The rules never read a clock: a `Time` is always given.

use std::fmt;

/// POSIX seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

/// A length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seconds(pub u64);

impl Seconds {
    /// One minute.
    pub const MINUTE: Self = Self(60);
    /// One hour.
    pub const HOUR: Self = Self(3_600);
    /// One day.
    pub const DAY: Self = Self(86_400);
}

impl Time {
    /// Later by `length`; stays at the end of time instead of wrapping.
    pub fn after(self, length: Seconds) -> Self {
        Self(self.0.saturating_add(length.0))
    }

    /// Earlier by `length`; stays at 1970 instead of wrapping.
    pub fn before(self, length: Seconds) -> Self {
        Self(self.0.saturating_sub(length.0))
    }

    /// The distance between two times, whichever is earlier.
    pub fn distance(self, other: Self) -> Seconds {
        Seconds(self.0.abs_diff(other.0))
    }

    /// How long until `later`; zero if it is past.
    pub fn until(self, later: Self) -> Seconds {
        Seconds(later.0.saturating_sub(self.0))
    }

    /// The day (UTC) that daily limits count in.
    pub fn day(self) -> u64 {
        self.0 / Seconds::DAY.0
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0)
    }
}
