//! What must hold once the daemon has ended, however it ended, and once it is back.

use std::fs;
use std::path::Path;

use sequestre::client::failure::Exit;
use sequestre::escrow::command::SignedCommand;
use sequestre::escrow::entry::{Entry, What};
use sequestre::escrow::id::{CommandId, OrganisationId};
use sequestre::escrow::log::merkle::{Frontier, TreeHead, leaf_hash};
use sequestre::escrow::request::Stage;
use sequestre::store::fsck::fsck;

use crate::thief::entries_in;
use crate::town::{NINA, PASSWORD, PEOPLE, Town};
use crate::traces::{Search, forms, search_files};

/// Every secret that is deposited here begins with it.
pub const MARKER: &str = "nobody reads this but Nina: ";

/// What the server said that it wrote down.
#[derive(Debug, Clone, Copy)]
pub struct Receipt {
    pub index: u64,
    pub command: CommandId,
}

/// The daemon is not running: what it left is whole, has everything that somebody was told, and shows no secret.
pub fn left_behind(town: &Town, receipts: &[Receipt], case: &str) {
    let report = fsck(&town.data()).unwrap_or_else(|error| panic!("{case}: {error}"));
    assert_eq!(report.findings, [], "{case}");
    assert_eq!(report.organisations, 1, "{case}");
    // Clients look at their own files; the server is not asked.
    let entries = entries_in(&town.data());
    assert_eq!(report.entries, entries.len() as u64, "{case}");
    let mut heads = vec![TreeHead::EMPTY];
    let mut tree = Frontier::new();
    for entry in &entries {
        tree.push(leaf_hash(entry));
        heads.push(tree.head());
    }
    let mut id = None;
    for name in PEOPLE {
        let session = town.env(name).session().unwrap();
        let known = session.replica.entries().unwrap();
        assert!(entries.starts_with(&known), "{case}: {name} knows an entry that is lost");
        for cosignature in &session.cosignatures {
            let head = cosignature.head();
            assert_eq!(heads.get(head.size as usize), Some(head), "{case}: {name} has a cosignature of another log");
        }
        id = Some(session.folder.id);
    }
    for receipt in receipts {
        let entry = entries.get(receipt.index as usize);
        let entry = entry.unwrap_or_else(|| panic!("{case}: {receipt:?} was acknowledged and is lost"));
        let What::Command(signed) = Entry::parse(entry).unwrap().what else { panic!("{case}: not a command") };
        assert_eq!(command_id(&signed, id.unwrap()), receipt.command, "{case}: another command is in its place");
    }
    shows_no_secret(town, case);
}

fn command_id(signed: &SignedCommand, organisation: OrganisationId) -> CommandId {
    signed.id(organisation)
}

/// No file of the server or of anybody's client, nor anything that the daemon printed, holds a secret that is not
/// sealed.
pub fn shows_no_secret(town: &Town, case: &str) {
    let search = Search::new([("a secret", forms(MARKER.as_bytes()))]);
    let mut look = |path: &Path, content: &[u8]| {
        assert_eq!(search.first_in(content), None, "{case}: {}", path.display());
    };
    search_files(&town.data(), &mut look);
    for name in PEOPLE {
        search_files(town.env(name).home.path(), &mut look);
    }
}

/// The daemon is back: everybody goes on from what they had, what was on its way arrives, and what was agreed to can
/// be fetched.
pub async fn goes_on(town: &Town, case: &str) {
    for name in PEOPLE {
        let mut session = town.env(name).session().unwrap();
        // Verifies that the log extends what this client cosigned, and sends what was interrupted.
        session.sync().await.unwrap_or_else(|failure| panic!("{case}: {name}: {failure}"));
        let waiting = fs::read_dir(session.folder.join("outbox")).map_or(0, Iterator::count);
        assert_eq!(waiting, 0, "{case}: {name} still waits for an answer");
    }
    // What was handed over for requests that run is complete: whoever had agreed uploaded just now.
    let session = town.session(NINA).await;
    let (me, state) = (session.me(), session.state().unwrap());
    let open = state.requests().iter().filter(|(_, request)| {
        request.requester == me && matches!(&request.stage, Stage::Granted(_) | Stage::Leased(_))
    });
    let open: Vec<u64> = open.map(|(id, _)| *id).collect();
    drop(session);
    for id in open {
        match town.open(NINA, id).await {
            Ok(password) => assert!(password == PASSWORD || password.starts_with(MARKER), "{case}: {password}"),
            Err(failure) => panic!("{case}: request {id} does not open: {failure}"),
        }
    }
}

/// A failure that a client may meet while its server fails: it blames nobody, and gives nothing up.
pub fn is_honest(failure: &sequestre::client::failure::Failure, case: &str) {
    assert!(failure.exit() != Exit::Distrust, "{case}: the server's failure looks like a lie: {failure}");
}
