//! `sequestre demo`: the whole story on loopback, with the real daemon, real TLS and a real disk.
//!
//! Every sentence that is told is checked against what really happened; the first that does not hold ends the
//! demonstration with a failure. Only the cost of the passphrase function is lowered.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use serde_json::json;
use tokio::sync::oneshot;

use crate::args;
use crate::client::deposit::{self, Deposit};
use crate::client::failure::{Exit, Failure};
use crate::client::found::{self, Plan, Planned};
use crate::client::home::{self, Home};
use crate::client::out::Out;
use crate::client::request::{self, Asking};
use crate::client::say::Args;
use crate::client::session::{Env, Session};
use crate::client::unlock::Unlock;
use crate::client::{audit, consent, join};
use crate::daemon::config::Overrides;
use crate::daemon::{self, Running};
use crate::escrow::credential::Urgency;
use crate::escrow::part::PartKind;
use crate::escrow::request::Stage;
use crate::escrow::role::Role;
use crate::escrow::time::Seconds;
use crate::seal::identity::WorkFactor;
use crate::seal::secret::Secret;
use crate::seal::words::Language;

/// The trustees besides the founder, the others, and somebody who never comes.
const TRUSTEES: [&str; 6] = ["Bruno", "Chloé", "Denis", "Élise", "Farid", "Gaëlle"];
const FOUNDER: &str = "Awa";
const MEDIATOR: &str = "Maud";
const TECHNICIAN: &str = "Théo";
const MEMBERS: [&str; 2] = ["Nina", "Omar"];
const ABSENT: &str = "Zoé";
const LABEL: &str = "amis-du-lac.example";

/// Passwords that must be found nowhere but in their holders' hands.
const FIRST_PASSWORD: &str = "marqueur-Xq7-premier";
const SECOND_PASSWORD: &str = "marqueur-Yr8-second";

struct Demo {
    out: Out,
    root: PathBuf,
    people: BTreeMap<&'static str, Env>,
    step: AtomicUsize,
    started: Instant,
}

/// Plays the story in a temporary folder, or in `keep`, which is left for a look.
pub async fn run(out: &Out, keep: Option<PathBuf>) -> Result<(), Failure> {
    let temporary;
    let root = match &keep {
        Some(path) => {
            if path.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
                return Err(Failure::new(Exit::Usage, "failed-not-empty").with("path", path.display()));
            }
            std::fs::create_dir_all(path).map_err(|e| Failure::io(path, e))?;
            path.clone()
        }
        None => {
            temporary = tempfile::tempdir().map_err(|e| Failure::io(&std::env::temp_dir(), e))?;
            temporary.path().to_owned()
        }
    };
    let demo = Demo::new(out, root)?;
    demo.play().await?;
    if !out.is_json() {
        out.line("");
    }
    out.tell("demo-end", &args! { seconds: demo.started.elapsed().as_secs() });
    if let Some(path) = keep {
        out.tell("demo-kept", &args! { path: path.display() });
    }
    Ok(())
}

impl Demo {
    fn new(out: &Out, root: PathBuf) -> Result<Self, Failure> {
        let names = [FOUNDER, MEDIATOR, TECHNICIAN].into_iter().chain(TRUSTEES).chain(MEMBERS);
        let mut people = BTreeMap::new();
        for name in names {
            people.insert(name, env(out, &root, name)?);
        }
        Ok(Self { out: out.clone(), root, people, step: AtomicUsize::new(0), started: Instant::now() })
    }

    fn env(&self, name: &'static str) -> Result<Env, Failure> {
        self.people.get(name).cloned().ok_or_else(|| not_as_told(name))
    }

    fn data(&self) -> PathBuf {
        self.root.join("server")
    }

    /// Tells what is about to happen, does it, and says that it did. The key of both sentences follows from `name`.
    async fn step<T>(
        &self,
        name: &'static str,
        before: Args,
        act: impl Future<Output = Result<(T, Args), Failure>>,
    ) -> Result<T, Failure> {
        let number = self.step.fetch_add(1, Ordering::Relaxed) + 1;
        if !self.out.is_json() {
            let text = self.out.language().with(&format!("demo-{name}"), &before);
            self.out.line(&format!("\n{number:>2}. {text}"));
        }
        match act.await {
            Ok((value, after)) => {
                let text = self.out.language().with(&format!("demo-{name}-done"), &after);
                if self.out.is_json() {
                    self.out.data(&json!({ "step": name, "ok": true, "number": number, "text": text }));
                } else {
                    self.out.line(&format!("    ✓ {text}"));
                }
                Ok(value)
            }
            Err(failure) => {
                let text = failure.sentence(self.out.language());
                self.out.data(&json!({ "step": name, "ok": false, "number": number, "error": text }));
                Err(Failure::new(Exit::Failed, "failed-demo-step").with("step", name).because(failure))
            }
        }
    }

    async fn play(&self) -> Result<(), Failure> {
        self.out.say("demo-intro");
        let listen = free_address()?;
        let (daemon, code) = self.start(listen).await?;
        self.found(code).await?;
        self.charter().await?;
        self.deposit().await?;
        self.lease().await?;
        self.refusals().await?;
        self.revoke_and_rotate().await?;
        self.technician_looks().await?;
        self.mediator().await?;
        self.new_computer().await?;
        daemon.stop().await?;
        self.tamper(listen).await
    }

    async fn start(&self, listen: SocketAddr) -> Result<(Daemon, Secret), Failure> {
        self.step("daemon", args! { name: TECHNICIAN }, async {
            let outcome = daemon::init(&self.data(), "localhost", listen).map_err(Failure::technical)?;
            let code = outcome.founding.to_code().map_err(Failure::technical)?;
            let daemon = Daemon::start(&self.data()).await?;
            Ok(((daemon, code), args! { address: listen }))
        })
        .await
    }

    async fn found(&self, code: Secret) -> Result<(), Failure> {
        let invitations = self.root.join("invitations");
        self.step("found", args! { name: FOUNDER }, async {
            let planned = |role: Role| {
                move |name: &&'static str| Planned {
                    name: (*name).to_owned(),
                    roles: vec![role.as_str().to_owned()],
                    invitation: None,
                }
            };
            let mut people: Vec<Planned> = TRUSTEES.iter().map(planned(Role::Trustee)).collect();
            people.extend([MEDIATOR].iter().map(planned(Role::Mediator)));
            people.extend([TECHNICIAN].iter().map(planned(Role::Technician)));
            people.extend(MEMBERS.iter().chain([&ABSENT]).map(planned(Role::Member)));
            let mut plan = Plan {
                destroy_delay: found::DESTROY_DELAY.0,
                name: "Les Amis du Lac".to_owned(),
                me: FOUNDER.to_owned(),
                people,
                quorums: BTreeMap::new(),
                vaults: BTreeMap::new(),
                admission: String::new(),
            };
            for quorum in ["everyday=2", "vital=4", "amend=5", "destroy=5"] {
                plan.add_quorum(quorum)?;
            }
            plan.add_vault("main=everyday,vital")?;
            let count = plan.people.len();
            found::found(&self.env(FOUNDER)?, &code, plan, &invitations).await?;
            Ok(((), args! { count: count }))
        })
        .await?;
        self.step("join", args! {}, async {
            let mut joined = 0;
            for name in TRUSTEES.into_iter().chain([MEDIATOR, TECHNICIAN]).chain(MEMBERS) {
                let invitation = Secret::new(home::read(&invitations.join(format!("{name}.txt")))?);
                join::join(&self.env(name)?, &invitation).await?;
                joined += 1;
            }
            // An invitation works once: a thief who copied the file comes too late.
            let copied = Secret::new(home::read(&invitations.join(format!("{}.txt", TRUSTEES[0])))?);
            let thief = env(&self.out, &self.root, "thief")?;
            expect(join::join(&thief, &copied).await, "refused-invitation-used")?;
            Ok(((), args! { count: joined }))
        })
        .await
    }

    async fn charter(&self) -> Result<(), Failure> {
        let id = self
            .step("charter", args! { name: FOUNDER, absent: ABSENT }, async {
                let founder = self.env(FOUNDER)?;
                expect(found::propose(&founder, &[]).await, "failed-absent")?;
                found::propose(&founder, &[ABSENT.to_owned()]).await?;
                let session = founder.session()?;
                let (id, proposal) =
                    session.state()?.proposals().last_key_value().ok_or_else(|| not_as_told("charter"))?;
                let code = crate::client::charter::charter_code(proposal).unwrap_or_default();
                Ok((*id, args! { code: code }))
            })
            .await?;
        self.step("sign", args! {}, async {
            for name in TRUSTEES {
                ensure(self.session(FOUNDER).await?.state()?.charter().is_none(), "sign")?;
                consent::approve(&self.env(name)?, id).await?;
            }
            for name in [MEDIATOR, TECHNICIAN].into_iter().chain(MEMBERS) {
                consent::approve(&self.env(name)?, id).await?;
            }
            let session = self.session(FOUNDER).await?;
            ensure(session.state()?.charter().is_some_and(|c| c.trustees().len() == 7), "sign")?;
            Ok(((), args! { trustees: 7, everyday: 2, vital: 4 }))
        })
        .await
    }

    async fn deposit(&self) -> Result<(), Failure> {
        self.step("deposit", args! { name: TECHNICIAN, label: LABEL }, async {
            self.put(TECHNICIAN, false, FIRST_PASSWORD).await?;
            for name in [FOUNDER].into_iter().chain(TRUSTEES) {
                let mut session = self.session(name).await?;
                session.confirm_shares().await?;
            }
            let session = self.session(FOUNDER).await?;
            let credential = session.find_credential(LABEL)?;
            let (_, version) = session
                .state()?
                .credential(&credential)
                .and_then(|c| c.current())
                .ok_or_else(|| not_as_told("deposit"))?;
            let confirmed = version.parts.get(&PartKind::Password).map_or(0, |part| part.verdicts.len());
            ensure(confirmed == 7, "deposit")?;
            Ok(((), args! { confirmed: confirmed }))
        })
        .await
    }

    async fn put(&self, name: &'static str, new_version: bool, password: &str) -> Result<(), Failure> {
        let file = json!({
            "user_name": "amis-du-lac", "password": password,
            "sheet": { "kind": "registrar", "legal_holder": "Les Amis du Lac", "renewal_date": "2027-03-01" },
        });
        let (sheet, parts) = deposit::from_json(&Secret::from_string(file.to_string()))?;
        let deposit = Deposit {
            label: LABEL.to_owned(),
            vault: None,
            new_version,
            sheet,
            parts,
            without: Vec::new(),
            reach: deposit::Reach::default(),
        };
        deposit::deposit(&self.env(name)?, deposit).await
    }

    async fn ask(&self, name: &'static str, reason: &str) -> Result<u64, Failure> {
        let asking = Asking {
            label: LABEL.to_owned(),
            duration: Seconds::HOUR,
            reason: reason.to_owned(),
            parts: Vec::new(),
            version: None,
            open_for: request::REQUEST_LIFE,
            how: request::Ways::default(),
        };
        request::request(&self.env(name)?, asking).await?;
        let session = self.session(name).await?;
        let mine = session.state()?.requests().values().filter(|r| r.requester == session.me());
        mine.map(|r| r.at.index).max().ok_or_else(|| not_as_told("request"))
    }

    async fn lease(&self) -> Result<(), Failure> {
        let (asker, reason) = (MEMBERS[0], self.out.language().plain("demo-reason"));
        let id = self
            .step("request", args! { name: asker, label: LABEL, reason: &reason }, async {
                let id = self.ask(asker, &reason).await?;
                let trustee = self.session(TRUSTEES[0]).await?;
                let item = consent::waiting(&trustee)?.into_iter().next().ok_or_else(|| not_as_told("inbox"))?;
                Ok((id, args! { id: id, inbox: item.text }))
            })
            .await?;
        self.step("approve", args! { first: TRUSTEES[0], second: TRUSTEES[1], third: TRUSTEES[2] }, async {
            let no = self.out.language().plain("demo-denial");
            consent::deny(&self.env(TRUSTEES[0])?, id, &no).await?;
            consent::approve(&self.env(TRUSTEES[1])?, id).await?;
            // One agreement is not enough, whatever the client tries.
            let mut session = self.session(asker).await?;
            expect(request::open(&mut session, id).await.map(|_| ()), "failed-not-granted")?;
            drop(session);
            consent::approve(&self.env(TRUSTEES[2])?, id).await?;
            Ok(((), args! { second: TRUSTEES[1], third: TRUSTEES[2] }))
        })
        .await?;
        self.step("show", args! { name: asker }, async {
            let mut session = self.session(asker).await?;
            let opened = request::open(&mut session, id).await?;
            let password = opened.values.iter().find(|(kind, _)| *kind == PartKind::Password);
            let password = password.and_then(|(_, value)| value.value.expose_str());
            ensure(password == Some(FIRST_PASSWORD), "show")?;
            let left = self.out.language().duration(session.env.now().until(opened.until));
            Ok(((), args! { password: FIRST_PASSWORD, left: left }))
        })
        .await?;
        self.step("return", args! { name: asker, depositor: TECHNICIAN }, async {
            request::give_back(&self.env(asker)?, id).await?;
            let mut session = self.session(asker).await?;
            expect(request::open(&mut session, id).await.map(|_| ()), "failed-access-over")?;
            let due = self.due().await?;
            ensure(due == Some(Urgency::Later), "return")?;
            Ok(((), args! { label: LABEL }))
        })
        .await
    }

    async fn refusals(&self) -> Result<(), Failure> {
        self.step("refusals", args! { technician: TECHNICIAN, mediator: MEDIATOR, member: MEMBERS[1] }, async {
            let id = self.ask(MEMBERS[0], "…").await?;
            for name in [TECHNICIAN, MEDIATOR, MEMBERS[1]] {
                let answer = consent::approve(&self.env(name)?, id).await;
                let key = answer.as_ref().err().map(|f| f.key().to_owned()).unwrap_or_default();
                // Their replica does not even hold a share to release.
                ensure(matches!(key.as_str(), "refused-not-trustee" | "refused-released-shape"), "refusals")?;
            }
            consent::approve(&self.env(TRUSTEES[3])?, id).await?;
            expect(consent::approve(&self.env(TRUSTEES[3])?, id).await, "refused-already-approved")?;
            request::give_back(&self.env(MEMBERS[0])?, id).await?;
            Ok(((), args! {}))
        })
        .await
    }

    async fn revoke_and_rotate(&self) -> Result<(), Failure> {
        let (asker, trustee) = (MEMBERS[1], TRUSTEES[5]);
        self.step("revoke", args! { name: asker, trustee: trustee }, async {
            let id = self.ask(asker, "…").await?;
            consent::approve(&self.env(FOUNDER)?, id).await?;
            consent::approve(&self.env(trustee)?, id).await?;
            let mut session = self.session(asker).await?;
            request::open(&mut session, id).await?;
            drop(session);
            request::revoke(&self.env(trustee)?, id, "…").await?;
            let mut session = self.session(asker).await?;
            expect(request::open(&mut session, id).await.map(|_| ()), "failed-access-revoked")?;
            let stage = session.state()?.request(id).map(|r| matches!(r.stage, Stage::Ended { .. }));
            ensure(stage == Some(true) && self.due_in(&session)? == Some(Urgency::Now), "revoke")?;
            Ok(((), args! { label: LABEL }))
        })
        .await?;
        self.step("rotate", args! { name: TECHNICIAN }, async {
            self.put(TECHNICIAN, true, SECOND_PASSWORD).await?;
            ensure(self.due().await?.is_none(), "rotate")?;
            Ok(((), args! { version: 2 }))
        })
        .await
    }

    async fn due(&self) -> Result<Option<Urgency>, Failure> {
        self.due_in(&self.session(FOUNDER).await?)
    }

    fn due_in(&self, session: &Session) -> Result<Option<Urgency>, Failure> {
        let id = session.find_credential(LABEL)?;
        let due = session.state()?.credential(&id).and_then(|c| c.due(c.current()?.0));
        Ok(due.map(|due| due.urgency))
    }

    /// Root reads every file of the server.
    async fn technician_looks(&self) -> Result<(), Failure> {
        self.step("technician", args! { name: TECHNICIAN }, async {
            let mut bytes = 0u64;
            for entry in std::fs::read_dir(self.data()).map_err(|e| Failure::io(&self.data(), e))? {
                let path = entry.map_err(|e| Failure::io(&self.data(), e))?.path();
                if path.is_dir() {
                    continue;
                }
                let content = home::read(&path)?;
                bytes += content.len() as u64;
                for marker in [FIRST_PASSWORD, SECOND_PASSWORD] {
                    ensure(!contains(&content, marker.as_bytes()), "technician")?;
                }
            }
            ensure(bytes > 100_000, "technician")?;
            Ok(((), args! { kilobytes: bytes / 1024 }))
        })
        .await
    }

    async fn mediator(&self) -> Result<(), Failure> {
        self.step("mediator", args! { name: MEDIATOR }, async {
            let mediator = self.env(MEDIATOR)?;
            let export = self.root.join("export");
            audit::export(&mediator, &export).await?;
            audit::verify(&mediator, &export, None)?;
            let session = mediator.session()?;
            Ok(((), args! { entries: session.replica.head().size }))
        })
        .await
    }

    async fn new_computer(&self) -> Result<(), Failure> {
        let name = TRUSTEES[4];
        self.step("restore", args! { name: name }, async {
            let old = self.env(name)?;
            let words = old.unlock.identity(&old.home, &old.out)?.to_words(Language::French);
            let session = old.session()?;
            let card = crate::client::join::contact_card(&session)?;
            drop(session);
            let new = env(&self.out, &self.root, "new-computer")?;
            join::restore_identity(&new, &words, &card).await?;
            let mut session = new.session()?;
            session.sync().await?;
            ensure(
                session.name_of(&session.me()) == name && session.replica.missing_blobs(&session.me())?.is_empty(),
                "restore",
            )?;
            Ok(((), args! { name: name, entries: session.replica.head().size }))
        })
        .await
    }

    /// The technician changes one entry in the database, and a client that has not seen it yet notices.
    async fn tamper(&self, listen: SocketAddr) -> Result<(), Failure> {
        let victim = TRUSTEES[0];
        self.step("tamper", args! { name: TECHNICIAN, victim: victim }, async {
            let seen = self.env(victim)?.session()?.replica.head().size;
            edit_entry(&self.data(), seen)?;
            let daemon = Daemon::start(&self.data()).await?;
            let answer = match self.env(victim)?.session() {
                Ok(mut session) => session.sync().await,
                Err(failure) => Err(failure),
            };
            daemon.stop().await?;
            ensure(matches!(&answer, Err(failure) if failure.exit() == Exit::Distrust), "tamper")?;
            let told = answer.err().map(|f| f.sentence(self.out.language())).unwrap_or_default();
            let report = crate::store::fsck::fsck(&self.data()).map_err(Failure::technical)?;
            ensure(!report.findings.is_empty(), "tamper")?;
            let _ = listen;
            Ok(((), args! { victim: victim, entry: seen, told: told }))
        })
        .await
    }

    async fn session(&self, name: &'static str) -> Result<Session, Failure> {
        let mut session = self.env(name)?.session()?;
        session.sync().await?;
        Ok(session)
    }
}

/// A running daemon of the demonstration.
struct Daemon {
    running: Running,
    stop: oneshot::Sender<()>,
}

impl Daemon {
    async fn start(data: &Path) -> Result<Self, Failure> {
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async {
            let _ = stopped.await;
        };
        let clock = daemon::system_clock();
        let running = daemon::run(data, &Overrides::default(), clock, shutdown).await.map_err(Failure::technical)?;
        Ok(Self { running, stop })
    }

    async fn stop(self) -> Result<(), Failure> {
        let _ = self.stop.send(());
        self.running.stopped().await.map_err(Failure::technical)
    }
}

/// A person with a home of their own, whose passphrase lies in a file beside it.
fn env(out: &Out, root: &Path, name: &str) -> Result<Env, Failure> {
    let folder = root.join("people").join(name);
    std::fs::create_dir_all(&folder).map_err(|e| Failure::io(&folder, e))?;
    let passphrase = folder.join("passphrase");
    home::write(&passphrase, format!("demonstration passphrase of {name}\n").as_bytes())?;
    Ok(Env {
        home: Home::new(folder.join("home")),
        organisation: None,
        out: out.silenced(),
        unlock: Unlock {
            passphrase_file: Some(passphrase),
            words_file: Some(folder.join("24-words")),
            accepted: vec!["--yes", "--accept-unwitnessed"],
            work: WorkFactor::lowered_for_demo_and_tests(),
        },
        clock: daemon::system_clock(),
    })
}

/// Flips one bit of an entry, as somebody with root can, and gives it a place in the tree, so that the server itself
/// takes it for undamaged.
fn edit_entry(data: &Path, position: u64) -> Result<(), Failure> {
    let change = || -> rusqlite::Result<usize> {
        let database = rusqlite::Connection::open(data.join("sequestre.db"))?;
        let position = i64::try_from(position).unwrap_or(i64::MAX);
        let mut bytes: Vec<u8> =
            database.query_row("SELECT bytes FROM entry WHERE position = ?1", [position], |row| row.get(0))?;
        let middle = bytes.len() / 2;
        if let Some(byte) = bytes.get_mut(middle) {
            *byte ^= 1;
        }
        let leaf = crate::escrow::log::merkle::leaf_hash(&bytes);
        let row = rusqlite::params![bytes, leaf.as_bytes(), position];
        database.execute("UPDATE entry SET bytes = ?1, leaf = ?2 WHERE position = ?3", row)
    };
    match change().map_err(Failure::technical)? {
        1 => Ok(()),
        _ => Err(not_as_told("tamper")),
    }
}

fn free_address() -> Result<SocketAddr, Failure> {
    let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    probe.map_err(Failure::technical)
}

fn contains(content: &[u8], marker: &[u8]) -> bool {
    content.windows(marker.len()).any(|window| window == marker)
}

fn ensure(holds: bool, step: &str) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(not_as_told(step)) }
}

/// The refusal that the story promises, and no other outcome.
fn expect(answer: Result<(), Failure>, key: &str) -> Result<(), Failure> {
    match answer {
        Err(failure) if failure.key() == key => Ok(()),
        Err(failure) => Err(failure),
        Ok(()) => Err(not_as_told(key)),
    }
}

fn not_as_told(step: &str) -> Failure {
    Failure::new(Exit::Failed, "failed-demo-step").with("step", step)
}
