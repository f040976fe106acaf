//! What must hold for every input that somebody else can choose.
//!
//! A target is a function over bytes that panics if a property breaks: that nothing panics, that what is read is
//! written the same again, that there is one spelling, and that what was signed counts for nothing once it was changed.
//! `tests/fuzzing.rs` runs each over its seeds, over changed ones and over what was found before (`found/`), on the
//! stable compiler; `cargo fuzz` runs the same functions with coverage.
//!
//! Targets must not depend on the time or on anything left by an earlier input.

#[path = "../../tests/support/dealt.rs"]
mod dealt;
mod files;
mod folders;
mod golden;
mod log;
mod paper;
mod replies;

/// One kind of input.
pub struct Target {
    /// Its name, also that of its folders under `corpus/` and `found/`.
    pub name: &'static str,
    /// Checks one input.
    check: fn(&[u8]),
    /// Good inputs to begin with.
    seeds: fn() -> Vec<Vec<u8>>,
    /// How long one input takes, roughly: one of these is as slow as so many of the fastest.
    pub cost: usize,
}

impl Target {
    /// Checks one input.
    ///
    /// # Panics
    /// If a property does not hold.
    pub fn run(&self, data: &[u8]) {
        (self.check)(data);
    }

    /// Good inputs to begin with.
    pub fn seeds(&self) -> Vec<Vec<u8>> {
        (self.seeds)()
    }
}

macro_rules! targets {
    ($($module:ident: $($name:ident $cost:literal),+;)+) => {
        /// All of them.
        pub const TARGETS: &[Target] = &[$($(Target {
            name: stringify!($name),
            check: $module::$name::check,
            seeds: $module::$name::seeds,
            cost: $cost,
        }),+),+];
    };
}

targets! {
    log: entries 1, commands 1, rules 4, checkpoints 2, cosignatures 2, proofs 2, tiles 1, moves 8;
    paper: codes 2, words 40, shares 2, sealed 8, recoveries 2, answers 8;
    folders: replicas 40, restorations 400;
    files: configuration 8, settings 2, texts 1;
    replies: ldap 40, http 40, postgresql 40, programs 400;
}

/// The target of this name.
///
/// # Panics
/// If there is none.
pub fn target(name: &str) -> &'static Target {
    TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("there is no target {name}"))
}
