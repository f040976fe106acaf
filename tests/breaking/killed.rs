//! Killed at random moments under load.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sequestre::client::failure::Failure;
use sequestre::client::session::sign_command;
use sequestre::escrow::id::InvitationId;
use sequestre::escrow::log::merkle::TreeHead;
use sequestre::escrow::role::Role;
use sequestre::escrow::text::Text;
use sequestre::proto::api::v1 as api;
use sequestre::proto::api::v1::escrow_client::EscrowClient;
use sequestre::proto::v1::{self, command::Act};
use sequestre::seal::identity::Identity;
use sequestre::seal::sealing::salted_text;
use sequestre::seal::secret::random_bytes;
use sequestre::tls;

use crate::aftermath::{MARKER, Receipt, goes_on, is_honest, left_behind};
use crate::chance::{Chance, number};
use crate::town::*;

/// Kills that one association lives through; its people have their daily limits.
const PER_TOWN: u64 = 5;

/// What everybody does until the daemon is gone.
struct Load {
    town: Town,
    /// Answers to whoever asks faster than any client does.
    receipts: Mutex<Vec<Receipt>>,
    over: AtomicBool,
}

impl Load {
    fn over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// Again and again, until the daemon is gone; failures in between are what one expects.
    async fn again(&self, what: &str, mut act: impl AsyncFnMut(u64) -> Result<(), Failure>) {
        let mut round = 0;
        while !self.over() {
            if let Err(failure) = act(round).await {
                is_honest(&failure, what);
                tokio::task::yield_now().await;
            }
            round += 1;
        }
    }

    /// Théo deposits new passwords.
    async fn deposits(&self, kill: u64) {
        self.again("deposit", async |n| self.town.put(THEO, true, &format!("{MARKER}{kill} {n}")).await).await;
    }

    /// Nina asks, two agree, she opens and gives back.
    async fn accesses(&self) {
        let town = &self.town;
        self.again("access", async |_| {
            let asking = asking(LABEL, sequestre::escrow::time::Seconds::HOUR);
            sequestre::client::request::request(&town.env(NINA), asking).await?;
            let mut session = town.env(NINA).session()?;
            session.sync().await?;
            let me = session.me();
            let id = *session.state()?.requests().iter().rfind(|(_, request)| request.requester == me).unwrap().0;
            drop(session);
            town.approve(BRUNO, id).await?;
            town.approve(CHLOE, id).await?;
            let mut session = town.env(NINA).session()?;
            session.sync().await?;
            open(&mut session, id).await?;
            session.submit(Act::Return(v1::Return { request_index: id }), Vec::new()).await?;
            Ok(())
        })
        .await;
    }

    /// Maud verifies and cosigns.
    async fn witnesses(&self) {
        self.again("witness", async |_| self.town.env(MAUD).session()?.sync().await).await;
    }

    /// Awa's program sends commands without waiting for the log, several at once, and remembers each answer.
    async fn hurries(&self, awa: &Identity, base: TreeHead) {
        let folder = self.town.env(AWA).home.choose(None).unwrap();
        let (contact, device) = (folder.contact().unwrap(), folder.device().unwrap());
        let Ok(channel) = tls::connect(&contact.address, contact.server_key, Some(&device)).await else { return };
        let client = EscrowClient::new(channel);
        let one = async || {
            let mut client = client.clone();
            while !self.over() {
                let (name, blob) = salted_text(&Text::parse("somebody").unwrap()).unwrap();
                let now = self.town.now();
                let invite = Act::Invite(v1::Invite {
                    invitation: InvitationId::of_token(&random_bytes().unwrap()).to_vec(),
                    roles: vec![Role::Member as i32],
                    name: name.to_vec(),
                    expires: now.0 + 3600,
                });
                let signed = sign_command(awa, folder.id, base, now, invite).unwrap();
                let request = api::SubmitRequest {
                    organisation: folder.id.to_vec(),
                    command: Some(signed.to_wire()),
                    blobs: vec![api::Blob { content: blob.into() }],
                    founding_token: Vec::new(),
                };
                // Refused: the day's limit. Otherwise the daemon is gone, and whether it was written nobody knows.
                let Ok(answer) = client.submit(request).await else { return };
                let index = answer.into_inner().index;
                self.receipts.lock().unwrap().push(Receipt { index, command: signed.id(folder.id) });
            }
        };
        tokio::join!(one(), one(), one(), one());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_whenever_the_daemon_is_killed() {
    let mut chance = Chance::of_this_run("kills at random moments");
    let kills = number("SEQUESTRE_TEST_KILLS", 40);
    let (mut entries, mut receipts, begun) = (0, 0, Instant::now());
    for town_number in 0..kills.div_ceil(PER_TOWN) {
        let town = Town::founded_at(Kind::Program).await;
        let load = Load { town, receipts: Mutex::default(), over: AtomicBool::new(false) };
        for kill in town_number * PER_TOWN..kills.min((town_number + 1) * PER_TOWN) {
            let case = format!("kill {kill}");
            load.over.store(false, Ordering::SeqCst);
            let mut session = load.town.session(AWA).await;
            session.identity().unwrap();
            let base = session.replica.head();
            drop(session);
            let env = load.town.env(AWA);
            let awa = env.unlock.identity(&env.home, &env.out).unwrap();
            let before = load.town.entries();
            let (pid, _) = load.town.process();
            let delay = Duration::from_micros(chance.below(400_000) as u64);
            let moment = async {
                load.town.grown(before + 1).await;
                // Beside everything that goes on here: a moment chosen at random, from the first entry on.
                let killer = move || {
                    std::thread::sleep(delay);
                    kill_process(Pid::from_raw(pid.cast_signed()).unwrap(), Signal::KILL).unwrap();
                };
                tokio::task::spawn_blocking(killer).await.unwrap();
                load.over.store(true, Ordering::SeqCst);
            };
            let busy = (load.deposits(kill), load.accesses(), load.witnesses(), load.hurries(&awa, base));
            tokio::join!(moment, busy.0, busy.1, busy.2, busy.3);
            load.town.kill();
            left_behind(&load.town, &load.receipts.lock().unwrap(), &case);
            load.town.start().await;
            goes_on(&load.town, &case).await;
        }
        load.town.stop().await;
        left_behind(&load.town, &load.receipts.lock().unwrap(), "after all");
        entries += load.town.entries();
        receipts += load.receipts.lock().unwrap().len();
    }
    println!("{kills} kills, {entries} entries, {receipts} answers remembered, {:?}", begun.elapsed());
}
