//! What people wait for: a secret that was agreed to, and a recovery when the server is gone.

use std::time::Instant;

use sequestre::client::home::Home;
use sequestre::client::out::Out;
use sequestre::client::recover::finish::{Finishing, finish};
use sequestre::client::recover::output::Format;
use sequestre::client::request;
use sequestre::client::say::Say;
use sequestre::client::session::Env;
use sequestre::client::unlock::Unlock;
use sequestre::daemon::system_clock;
use sequestre::seal::identity::WorkFactor;
use sequestre::seal::words::Language;

use crate::Settings;
use crate::association::{Association, Size};
use crate::report::{Limit, Report};
use crate::town::{BRUNO, CHLOE, Kind, NINA, PASSWORD, Town, open};

/// From the answer to the last approval until the secret is in the requester's hands: her client fetches what is new
/// in the log and verifies it, collects, puts the key together, opens, and verifies the entry that says so.
pub async fn secret(settings: &Settings, report: &mut Report) {
    let town = Town::founded_at(Kind::Program).await;
    town.thaw();
    let mut waited = Vec::new();
    for _ in 0..settings.rounds {
        let id = town.ask(NINA).await;
        town.approve(BRUNO, id).await.unwrap();
        let mut nina = town.session(NINA).await;
        // The passphrase was typed while she waited.
        nina.identity().unwrap();
        town.approve(CHLOE, id).await.unwrap();
        let begun = Instant::now();
        nina.sync().await.unwrap();
        let opened = open(&mut nina, id).await.unwrap();
        waited.push(begun.elapsed().as_secs_f64() * 1e3);
        assert_eq!(opened, PASSWORD);
        drop(nina);
        request::give_back(&town.env(NINA), id).await.unwrap();
    }
    town.stop().await;
    report.figure("secret-after-approval", &waited, " ms", Limit::Ceiling(20.0), "on loopback");
}

/// `sequestre recover finish` of a thousand accounts by four of seven at one computer, from a trustee's copy. Words
/// are not stretched, and the output stays open.
pub fn recovery(settings: &Settings, report: &mut Report) {
    const ACCOUNTS: usize = 1_000;
    const TRUSTEES: usize = 7;
    const THRESHOLD: usize = 4;
    let mut association = Association::found(Size { trustees: TRUSTEES, members: 0, threshold: THRESHOLD as u32 });
    for _ in 0..ACCOUNTS {
        association.deposit_truly();
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let replica = folder.path().join("replica");
    association.write_replica(&replica);
    let words_files: Vec<_> = (0..THRESHOLD)
        .map(|n| {
            let path = folder.path().join(format!("words-{n}"));
            let words = association.people[n].identity.to_words(Language::English);
            sequestre::client::home::write(&path, words.expose()).unwrap();
            path
        })
        .collect();
    let mut took = Vec::new();
    for round in 0..settings.rounds {
        let output = folder.path().join(format!("accounts-{round}.json"));
        let env = Env {
            home: Home::new(folder.path().join(format!("home-{round}"))),
            organisation: None,
            out: Out::new(Say::english(), false).silenced(),
            unlock: Unlock {
                passphrase_file: None,
                accepted: vec!["--yes"],
                words_file: None,
                work: WorkFactor::lowered_for_demo_and_tests(),
            },
            clock: system_clock(),
        };
        let finishing = Finishing {
            answers: Vec::new(),
            from: None,
            words_files: words_files.clone(),
            words_typed: 0,
            replica: Some(replica.clone()),
            output: output.clone(),
            format: Format::from_name("bitwarden").unwrap(),
            plain: true,
            keep: false,
            passphrase_file: None,
        };
        let begun = Instant::now();
        finish(&env, finishing).unwrap();
        took.push(begun.elapsed().as_secs_f64());
        let written: serde_json::Value = serde_json::from_slice(&std::fs::read(&output).unwrap()).unwrap();
        assert_eq!(written["items"].as_array().unwrap().len(), ACCOUNTS);
    }
    report.figure("recover-1000-accounts", &took, " s", Limit::Ceiling(2.0), "by 4 of 7, from the words to the file");
}
