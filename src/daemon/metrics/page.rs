//! Everything as one text: what was counted, and how things stand now.
//!
//! How things stand is asked of those who know: the writer (what the logs say), the runner's board, the reader, what is
//! open, the file system. What a log says is remembered until it grows, or an hour has passed: a page costs little. An
//! association that cannot be read stands in it as that, and keeps nobody else's lines back.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio::time::Instant;

use super::vitals::{Vitals, Waiting};
use super::{Metrics, PREFIX};
use crate::daemon::work::Board;
use crate::daemon::writer::{Clock, WriteError, Writer};
use crate::escrow::id::{OrganisationId, PersonId};
use crate::escrow::time::{Seconds, Time};
use crate::escrow::witness;
use crate::escrow::work::Work;
use crate::store::DATABASE;
use crate::store::reader::{Cosigned, Reader};

/// How long what a log says is remembered although it did not grow: some of it depends on the time.
const REMEMBERED: Seconds = Seconds::HOUR;
/// The same for one that could not be read.
const TRIED_AGAIN: Seconds = Seconds::MINUTE;
/// How long the logs are looked at for one page; what is not looked at then stands as it was.
const LOOKING: Duration = Duration::from_secs(5);

/// The kinds of work at targets.
const KINDS: [&str; 4] = ["open", "mint", "revoke", "rotate"];

/// Makes the page.
pub struct Page {
    counted: Metrics,
    writer: Writer,
    reader: Reader,
    board: Board,
    clock: Clock,
    folder: PathBuf,
    known: Mutex<BTreeMap<OrganisationId, Known>>,
}

/// What is remembered of an organisation.
struct Known {
    size: u64,
    looked: Time,
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    Served(Vitals),
    /// Restored here; its people have not moved yet.
    Waiting,
    Unreadable,
}

/// What the disk says.
struct Disk {
    ready: bool,
    cosigned: BTreeMap<OrganisationId, Vec<Cosigned>>,
    /// Of the database and its write-ahead log.
    bytes: [(&'static str, u64); 2],
    /// Free for the daemon, and in all.
    room: Option<(u64, u64)>,
}

type Labels = Vec<(&'static str, String)>;

/// Lines that are made anew for each page.
struct Lines {
    registry: Registry,
    gauges: BTreeMap<&'static str, Family<Labels, Gauge<f64, AtomicU64>>>,
}

impl Lines {
    fn new() -> Self {
        Self { registry: Registry::with_prefix(PREFIX), gauges: BTreeMap::new() }
    }

    fn gauge(&mut self, name: &'static str, help: &'static str, labels: Labels, value: f64) {
        let registry = &mut self.registry;
        let family = self.gauges.entry(name).or_insert_with(|| {
            let family = Family::default();
            registry.register(name, help, Family::clone(&family));
            family
        });
        family.get_or_create(&labels).set(value);
    }

    fn counter(&mut self, name: &'static str, help: &'static str, values: &[(Labels, u64)]) {
        let family = Family::<Labels, Counter>::default();
        for (labels, value) in values {
            family.get_or_create(labels).inc_by(*value);
        }
        self.registry.register(name, help, family);
    }

    fn waiting(&mut self, [count, since]: [(&'static str, &'static str); 2], labels: &Labels, waiting: &Waiting) {
        self.gauge(count.0, count.1, labels.clone(), waiting.count as f64);
        if let Some(oldest) = waiting.oldest {
            self.gauge(since.0, since.1, labels.clone(), oldest.0 as f64);
        }
    }
}

impl Page {
    /// Of a daemon whose data folder is `folder`.
    pub fn new(
        counted: Metrics,
        writer: Writer,
        reader: Reader,
        board: Board,
        clock: Clock,
        folder: PathBuf,
    ) -> Self {
        Self { counted, writer, reader, board, clock, folder, known: Mutex::default() }
    }

    /// The text, in the OpenMetrics format.
    pub async fn text(&self) -> Result<String, fmt::Error> {
        let sizes: BTreeMap<_, _> = self.writer.sizes().into_iter().collect();
        // What was not looked at in time is looked at for the next page.
        let _ = tokio::time::timeout_at(Instant::now() + LOOKING, self.look(&sizes)).await;
        let disk = self.disk(sizes.keys().copied().collect()).await;
        let mut lines = Lines::new();
        self.organisations(&mut lines, &sizes, &disk.cosigned);
        self.work(&mut lines, &sizes);
        self.rest(&mut lines, &disk);
        let mut text = String::new();
        encode_registry(&mut text, &self.counted.0.registry)?;
        encode_registry(&mut text, &lines.registry)?;
        encode_eof(&mut text)?;
        Ok(text)
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<OrganisationId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the writer about the logs that grew, or were not looked at for long.
    async fn look(&self, sizes: &BTreeMap<OrganisationId, u64>) {
        for (id, size) in sizes {
            let now = (self.clock)();
            let fresh = self.known().get(id).is_some_and(|known| {
                let lasts = if matches!(known.state, State::Unreadable) { TRIED_AGAIN } else { REMEMBERED };
                known.size == *size && known.looked <= now && now < known.looked.after(lasts)
            });
            if fresh {
                continue;
            }
            let looked = self.writer.at_desk(*id, move |desk| {
                let organisation = desk.organisation()?;
                let now = organisation.last_time().max(now);
                Ok((organisation.size(), Vitals::of(organisation, now)))
            });
            let (size, state) = match looked.await {
                Ok((size, vitals)) => (size, State::Served(vitals)),
                Err(WriteError::NotMoved) => (*size, State::Waiting),
                Err(WriteError::Busy | WriteError::Closing) => return,
                Err(_) => (*size, State::Unreadable),
            };
            self.known().insert(*id, Known { size, looked: now, state });
        }
    }

    async fn disk(&self, organisations: Vec<OrganisationId>) -> Disk {
        let (reader, folder) = (self.reader.clone(), self.folder.clone());
        let look = move || {
            let ready = reader.ready().is_ok();
            let cosigned = organisations.into_iter().filter_map(|id| Some((id, reader.cosigned(&id).ok()?)));
            let bytes = |name: &str| std::fs::metadata(folder.join(name)).map_or(0, |file| file.len());
            let bytes = [("database", bytes(DATABASE)), ("log", bytes(&format!("{DATABASE}-wal")))];
            let room = rustix::fs::statvfs(&folder).ok();
            let room =
                room.map(|fs| (fs.f_bavail.saturating_mul(fs.f_frsize), fs.f_blocks.saturating_mul(fs.f_frsize)));
            Disk { ready, cosigned: cosigned.collect(), bytes, room }
        };
        let nothing =
            Disk { ready: false, cosigned: BTreeMap::new(), bytes: [("database", 0), ("log", 0)], room: None };
        // A blocking task is cancelled only when the process stops.
        tokio::task::spawn_blocking(look).await.unwrap_or(nothing)
    }

    fn organisations(
        &self,
        lines: &mut Lines,
        sizes: &BTreeMap<OrganisationId, u64>,
        cosigned: &BTreeMap<OrganisationId, Vec<Cosigned>>,
    ) {
        let mut states = BTreeMap::from([("served", 0_u64), ("unreadable", 0), ("waiting", 0)]);
        let known = self.known();
        for (id, size) in sizes {
            let labels = of(id);
            lines.gauge("log_entries", "Entries of an association's log", labels.clone(), *size as f64);
            let state = known.get(id).map(|known| &known.state);
            let Some(State::Served(vitals)) = state else {
                let state = if matches!(state, Some(State::Waiting)) { "waiting" } else { "unreadable" };
                states.entry(state).and_modify(|count| *count += 1);
                continue;
            };
            states.entry("served").and_modify(|count| *count += 1);
            if let Some(cosigned) = cosigned.get(id) {
                witnessed(lines, &labels, vitals, cosigned);
            }
            tell(lines, &labels, vitals);
        }
        for (state, count) in states {
            let help = "Associations: served, unreadable (see the log, and run fsck), or restored here and waiting for \
                        their people to move";
            lines.gauge("organisations", help, vec![("state", state.to_owned())], count as f64);
        }
    }

    fn work(&self, lines: &mut Lines, sizes: &BTreeMap<OrganisationId, u64>) {
        // Every association has its lines, also where nothing is to do: an alert can see them grow.
        let each = |id: &OrganisationId| KINDS.map(|kind| ((*id, kind), [0_u64; 3]));
        let mut counts: BTreeMap<_, _> = sizes.keys().flat_map(each).collect();
        for (id, progress) in self.board.all() {
            let [all, failed, loud] = counts.entry((id, kind(&progress.work))).or_default();
            *all += 1;
            *failed += u64::from(progress.attempts > 0);
            *loud += u64::from(progress.is_loud());
        }
        for ((id, kind), [all, failed, loud]) in counts {
            let mut labels = of(&id);
            labels.push(("kind", kind.to_owned()));
            for (name, help, count) in [
                ("work_pending", "What is to be done at targets, by kind", all),
                ("work_failing", "What of it failed at least once", failed),
                ("work_failing_loudly", "What of it failed again and again: an error stands in the log", loud),
            ] {
                lines.gauge(name, help, labels.clone(), count as f64);
            }
        }
    }

    fn rest(&self, lines: &mut Lines, disk: &Disk) {
        let what = |what: &str| vec![("what", what.to_owned())];
        let open = self.writer.opened().count();
        for (name, count) in
            [("windows", open.windows), ("keys", open.keys), ("secrets", open.secrets), ("codes", open.codes)]
        {
            let help = "What is open to the daemon, in its memory: windows, keys to which something may open, new \
                        secrets of rotations, secrets of one-time codes";
            lines.gauge("open", help, what(name), count as f64);
        }
        let written = self.writer.written();
        lines.counter("entries_appended", "Entries that were committed", &[(Vec::new(), written.entries)]);
        let operation = |operation: &str| vec![("operation", operation.to_owned())];
        let errors = [(operation("read"), self.reader.failures()), (operation("write"), written.failures)];
        lines.counter("storage_errors", "Times that the disk or the database failed", &errors);
        let ready = f64::from(u8::from(disk.ready));
        lines.gauge("database_ready", "1 while the database answers", Vec::new(), ready);
        for (file, bytes) in disk.bytes {
            let labels = vec![("file", file.to_owned())];
            lines.gauge("database_bytes", "Bytes of the database and of its write-ahead log", labels, bytes as f64);
        }
        if let Some((free, all)) = disk.room {
            lines.gauge("disk_free_bytes", "Bytes that are free where the data folder lies", Vec::new(), free as f64);
            lines.gauge("disk_bytes", "Bytes that there are where the data folder lies", Vec::new(), all as f64);
        }
    }
}

/// An organisation by the beginning of its id, as the log lines name it, and a little more of it.
fn of(id: &OrganisationId) -> Labels {
    vec![("organisation", hex::encode(&id.as_bytes()[..6]))]
}

fn kind(work: &Work) -> &'static str {
    match work {
        Work::Open(_) => "open",
        Work::Mint(_) => "mint",
        Work::Revoke(_) => "revoke",
        Work::Rotate(_) => "rotate",
    }
}

/// Up to where, and when, enough witnesses cosigned.
fn witnessed(lines: &mut Lines, labels: &Labels, vitals: &Vitals, cosigned: &[Cosigned]) {
    let mut newest: BTreeMap<PersonId, (Time, u64)> = BTreeMap::new();
    for Cosigned { person, time, size } in cosigned.iter().filter(|line| vitals.witnesses.contains(&line.person)) {
        let (at, upto) = newest.entry(*person).or_insert((*time, *size));
        (*at, *upto) = ((*at).max(*time), (*upto).max(*size));
    }
    let of = vitals.witnesses.len();
    if of == 0 {
        return;
    }
    let needed = witness::needed(of);
    let reached = |mut values: Vec<u64>| {
        values.sort_unstable_by(|a, b| b.cmp(a));
        values.get(needed - 1).copied().unwrap_or_default() as f64
    };
    let (times, sizes) = newest.values().map(|(time, size)| (time.0, *size)).unzip();
    for (name, help, value) in [
        ("witnesses", "Witnesses that the charter has", of as f64),
        ("witnesses_needed", "Witnesses that have to see a log before it counts as witnessed", needed as f64),
        ("witnessed_entries", "Entries that enough witnesses cosigned", reached(sizes)),
        (
            "witnessed_timestamp_seconds",
            "When enough witnesses had last cosigned, in POSIX seconds; 0: never",
            reached(times),
        ),
    ] {
        lines.gauge(name, help, labels.clone(), value);
    }
}

fn tell(lines: &mut Lines, labels: &Labels, vitals: &Vitals) {
    lines.waiting(
        [
            ("revocations_due", "Accesses that are over and not known to be gone from their target"),
            ("revocations_due_since_timestamp_seconds", "When the oldest of them ended, in POSIX seconds"),
        ],
        labels,
        &vitals.revocations,
    );
    lines.waiting(
        [
            ("rotations_pending", "Secrets that are to be changed by the daemon"),
            ("rotations_pending_since_timestamp_seconds", "When the oldest was asked for, in POSIX seconds"),
        ],
        labels,
        &vitals.rotations,
    );
    for (urgency, due) in [("now", &vitals.due_now), ("later", &vitals.due_later)] {
        let labels = [labels.as_slice(), &[("urgency", urgency.to_owned())]].concat();
        lines.waiting(
            [
                ("passwords_due", "Accounts whose password must be changed, at once or some time"),
                ("passwords_due_since_timestamp_seconds", "Since when the oldest, in POSIX seconds"),
            ],
            &labels,
            due,
        );
    }
    if let Some(shares) = vitals.shares {
        for (name, help, value) in [
            (
                "shares_confirmed",
                "Trustees whose parts of keys are known to work, for the agreement with the smallest reserve",
                shares.confirmed as f64,
            ),
            ("shares_needed", "How many trustees this agreement takes", shares.needed as f64),
            (
                "shares_low",
                "1 where no reserve of working parts is left, or soon will be",
                f64::from(u8::from(shares.low)),
            ),
        ] {
            lines.gauge(name, help, labels.clone(), value);
        }
    }
}
