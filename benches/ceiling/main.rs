//! How fast the daemon is, as ratios against what the machine can do in the same run.
//!
//! ```text
//! cargo bench --bench ceiling                       every figure
//! cargo bench --bench ceiling -- commands memory    those that these words begin
//! cargo bench --bench ceiling -- --check            exit code 1 if a figure is beyond its limit
//! cargo bench --bench ceiling -- --rounds 9         more rounds
//! ```
//!
//! Machines differ and are noisy, so that no figure is a time alone where it can be a ratio: the real `sequestred` and
//! a [bare server](bare) that does the least that any signed, audited, durable answer must do run as processes of
//! their own on loopback, on the same disk, and the same load is driven against both, in turn. Each line has the
//! median of the rounds, the limit, the least and the most, and what the ratio is made of.

use std::path::Path;

use report::Report;

mod association;
mod bare;
mod commands;
mod entries;
mod load;
mod log;
mod memory;
mod people;
mod process;
mod report;
#[path = "../../tests/support/town.rs"]
mod town;

/// What was asked for.
pub struct Settings {
    rounds: usize,
    check: bool,
    only: Vec<String>,
}

impl Settings {
    /// Whether this figure, or any of those that begin so, is asked for.
    fn wants(&self, name: &str) -> bool {
        let meant = |word: &String| name.starts_with(word.as_str()) || word.starts_with(name);
        self.only.is_empty() || self.only.iter().any(meant)
    }
}

/// Measures so often.
fn rounds(settings: &Settings, measure: impl FnMut() -> f64) -> Vec<f64> {
    std::iter::repeat_with(measure).take(settings.rounds).collect()
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut settings = Settings { rounds: 5, check: false, only: Vec::new() };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            bare::ARGUMENT => return bare::serve(Path::new(&arguments.next().expect("its folder"))),
            // cargo's own.
            "--bench" => {}
            "--check" => settings.check = true,
            "--rounds" => {
                settings.rounds = arguments.next().and_then(|n| n.parse().ok()).expect("a number of rounds")
            }
            word if word.starts_with('-') => panic!("unknown option {word}; see benches/ceiling/main.rs"),
            word => settings.only.push(word.to_owned()),
        }
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let report = runtime.block_on(async {
        let mut report = Report::new(settings.check);
        if settings.wants("commands") {
            commands::throughput(&settings, &mut report).await;
        }
        if settings.wants("approvals") {
            commands::approvals(&settings, &mut report).await;
        }
        if settings.wants("connections") {
            commands::new_connections(&settings, &mut report).await;
        }
        if settings.wants("stream") {
            log::stream(&settings, &mut report).await;
        }
        if settings.wants("replay") {
            log::replay(&settings, &mut report);
        }
        if settings.wants("secret") {
            people::secret(&settings, &mut report).await;
        }
        if settings.wants("recover") {
            people::recovery(&settings, &mut report);
        }
        if settings.wants("accounts") {
            memory::accounts(&settings, &mut report).await;
        }
        if settings.wants("associations") {
            memory::associations(&settings, &mut report).await;
        }
        if settings.wants("long") {
            log::long(&settings, &mut report).await;
        }
        if settings.wants("sizes") {
            memory::sizes(&mut report);
        }
        report
    });
    report.end();
}
