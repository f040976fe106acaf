//! What people see before they sign: everything that is decided, people by key, what changes by identifier.
#![cfg(feature = "client")]

#[path = "support/world.rs"]
mod world;

use std::collections::BTreeMap;

use sequestre::client::failure::Failure;
use sequestre::client::say::Say;
use sequestre::client::screen;
use sequestre::client::view::{Unrecorded, View, unshowable};
use sequestre::escrow::credential::Urgency;
use sequestre::escrow::entry::DaemonAct;
use sequestre::escrow::id::{BlobId, InvitationId};
use sequestre::escrow::part::PartKind;
use sequestre::escrow::role::Role;
use sequestre::escrow::time::Seconds;
use world::*;

/// The trustees, a member, and somebody who comes later.
const AWA: Who = FOUNDER;
const BRUNO: Who = Who(1);
const CHLOE: Who = Who(2);
const NINA: Who = MEMBER;
const PUPPET: Who = NEWCOMER;

/// A world with the texts of its people.
struct Town {
    world: World,
    texts: BTreeMap<BlobId, String>,
}

fn id_of(bytes: &[u8]) -> BlobId {
    BlobId::new(bytes.try_into().unwrap())
}

impl Town {
    fn begin() -> Self {
        let texts = [(blob("founder"), "Awa"), (blob("why they go"), "Parti"), (blob("organisation"), "Amis")];
        let texts = texts.map(|(id, text)| (id_of(&id), text.to_owned())).into();
        Self { world: World::begin(), texts }
    }

    fn let_join(&mut self, who: Who, name: &str, roles: &[Role]) {
        let (secret, text) = (token(&format!("{who:?}")), blob(&format!("name of {who:?}")));
        self.texts.insert(id_of(&text), name.to_owned());
        let invite = v1::Invite {
            invitation: InvitationId::of_token(&secret).to_vec(),
            roles: wire_roles(roles),
            name: text,
            expires: self.world.now.after(Seconds::DAY).0,
        };
        self.world.ok(AWA, Act::Invite(invite));
        self.world.ok(who, join(who, &secret, roles));
    }

    fn proposed(&mut self) -> u64 {
        for (who, name) in [(BRUNO, "Bruno"), (CHLOE, "Chloé")] {
            self.let_join(who, name, &[Role::Trustee]);
        }
        self.let_join(NINA, "Nina", &[Role::Member]);
        let mut roll: Vec<_> = [AWA, BRUNO, CHLOE].map(|who| (who, vec![Role::Trustee])).to_vec();
        roll.push((NINA, vec![Role::Member]));
        self.world.propose_charter(small_charter(1, &[AWA, BRUNO, CHLOE]), &roll)
    }

    fn founded() -> Self {
        let mut town = Self::begin();
        let proposal = town.proposed();
        for who in [BRUNO, CHLOE] {
            town.world.ok(who, town.world.sign(proposal));
        }
        assert!(town.world.state().charter().is_some());
        town
    }

    fn view<T>(&self, use_it: impl FnOnce(View<'_>) -> T) -> T {
        let (say, texts) = (Say::english(), |id: &BlobId| self.texts.get(id).cloned());
        use_it(View::new(self.world.state(), &say, &texts))
    }

    fn proposal(&self, index: u64) -> Result<String, Failure> {
        let proposal = &self.world.state().proposals()[&index];
        self.view(|view| screen::proposal(view, proposal)).map(|lines| lines.join("\n"))
    }

    fn request(&self, index: u64) -> Result<String, Failure> {
        let request = self.world.state().request(index).unwrap();
        self.view(|view| screen::request(view, request)).map(|lines| lines.join("\n"))
    }
}

fn small_charter(version: u32, trustees: &[Who]) -> v1::Charter {
    let of_all = |name| quorum(name, vec![group(2, trustees)]);
    let vaults = vec![vault("web", &["everyday"], &[Role::Trustee, Role::Member], Seconds(30 * 86_400))];
    charter(version, trustees, vec![of_all("amend"), of_all("destroy"), of_all("everyday")], vaults)
}

fn print(who: Who) -> String {
    who.keys.fingerprint().to_string()
}

#[track_caller]
fn says(screen: &str, expected: &[&str]) {
    for text in expected {
        assert!(screen.contains(text), "{text:?} is not on\n{screen}");
    }
}

#[test]
fn the_founding_charter_is_shown_whole() {
    let mut town = Town::begin();
    let index = town.proposed();
    let screen = town.proposal(index).unwrap();
    says(
        &screen,
        &[
            "Agreement “everyday”: 2 of 3 (Awa, Bruno, Chloé)",
            "Members are taken in and removed by “everyday”.",
            "May ask: all trustees, all members. May deposit: all trustees, all members. Longest access: 30 days.",
            "Each person may add 200 entries and 4096 KiB",
            "No charter is in force yet",
        ],
    );
    for who in [AWA, BRUNO, CHLOE, NINA] {
        assert!(screen.contains(&print(who)), "{who:?}");
    }
    assert!(!screen.contains("WARNING"), "{screen}");
}

#[test]
fn a_charter_under_which_nothing_becomes_safe_says_so() {
    let mut town = Town::founded();
    let mut next = small_charter(2, &[AWA, BRUNO, CHLOE]);
    next.technicians = ids(&[AWA, BRUNO]);
    let index = town.world.propose_charter(next, &[]);
    says(&town.proposal(index).unwrap(), &["WARNING: under this charter nothing that is entered ever becomes safe"]);
}

#[test]
fn a_puppet_with_a_trustees_name_shows() {
    let mut town = Town::founded();
    town.let_join(PUPPET, "Bruno", &[Role::Trustee]);
    let puppets = small_charter(2, &[AWA, PUPPET, CHLOE]);
    let index = town.world.propose_charter(puppets, &[(PUPPET, vec![Role::Trustee])]);
    let screen = town.proposal(index).unwrap();
    let (real, false_) = (print(BRUNO), print(PUPPET));
    says(
        &screen,
        &[
            &format!("Trustees: NEW Bruno, fingerprint {false_}"),
            &format!("Trustees: NO LONGER Bruno, fingerprint {real}"),
            &format!("Agreement “amend”: NEW Bruno, fingerprint {false_}"),
            &format!("until now: Agreement “amend”: 2 of 3 (Awa, Bruno [{real}], Chloé)"),
            &format!("leave the association with it: Bruno [{real}]"),
            "WARNING: “Bruno”",
        ],
    );
}

#[test]
fn a_wider_policy_shows_although_the_names_stay() {
    let mut town = Town::founded();
    let mut wider = small_charter(2, &[AWA, BRUNO, CHLOE]);
    wider.vaults[0].longest_lease = 90 * 86_400;
    wider.vaults[0].depositors.as_mut().unwrap().persons = vec![NINA.id.to_vec()];
    wider.quorums.push(quorum("vital", vec![group(3, &[AWA, BRUNO, CHLOE])]));
    wider.admission = "vital".to_owned();
    wider.limits = Some(v1::Limits { entries_per_day: 9_000, bytes_per_day: 4 << 20 });
    let index = town.world.propose_charter(wider, &[]);
    let screen = town.proposal(index).unwrap();
    says(
        &screen,
        &[
            "new: Agreement “vital”: 3 of 3",
            "until now: Members are taken in and removed by “everyday”.",
            "Longest access: 90 days.",
            "May deposit: all trustees, all members, Nina.",
            "until now: Vault “web”",
            "until now: Each person may add 200 entries",
        ],
    );
    assert!(!screen.contains("nothing but its number"));

    let same = town.world.propose_charter(small_charter(2, &[AWA, BRUNO, CHLOE]), &[]);
    says(&town.proposal(same).unwrap(), &["nothing but its number"]);
}

#[test]
fn somebody_to_take_in_or_remove_is_told_apart() {
    let mut town = Town::founded();
    town.let_join(PUPPET, "N1na", &[Role::Member]);
    let act = town.world.admit(PUPPET, &[Role::Member]);
    let admission = town.world.ok(AWA, act);
    let screen = town.proposal(admission).unwrap();
    says(&screen, &["Take in N1na as member", "WARNING: “N1na”", &print(PUPPET), &print(NINA)]);
    let removal = town.world.ok(AWA, remove(NINA));
    says(&town.proposal(removal).unwrap(), &["Remove Nina (fingerprint", &print(NINA), "Reason: “Parti”"]);
}

#[test]
fn a_name_that_is_held_back_stops_the_signature() {
    let mut town = Town::begin();
    let index = town.proposed();
    assert!(town.proposal(index).is_ok());
    town.texts.remove(&id_of(&blob(&format!("name of {CHLOE:?}"))));
    assert_eq!(town.proposal(index).unwrap_err().key(), "failed-text-missing");
}

/// A town with an account, and a request for its first version.
fn asked() -> (Town, u64) {
    let mut town = Town::founded();
    town.world.let_deposit(NINA, 1);
    let request = town.world.let_request(NINA, 1);
    let state = town.world.state();
    let (label, reason) = (state.version(&version(1, 1)).unwrap().label, state.request(request).unwrap().reason);
    town.texts.insert(label, "site".to_owned());
    town.texts.insert(reason, "panne".to_owned());
    (town, request)
}

#[test]
fn a_request_is_shown_with_its_own_label_and_how_many_parts_are_enough() {
    let (mut town, request) = asked();
    let screen = town.request(request).unwrap();
    says(
        &screen,
        &[
            "Nina asks for “site”",
            &print(NINA),
            "Reason: “panne”",
            "so far, in all requests: 0; enough to open it: 2 of 3",
        ],
    );
    town.world.ok(BRUNO, town.world.approve(BRUNO, request));
    says(&town.request(request).unwrap(), &["so far, in all requests: 1; enough", "Agreed so far: Bruno"]);

    for kept in [PartKind::Password, PartKind::Notes] {
        // Each text that the screen needs, held back by the server.
        let state = town.world.state();
        let held = match kept {
            PartKind::Password => state.version(&version(1, 1)).unwrap().label,
            _ => state.request(request).unwrap().reason,
        };
        let text = town.texts.remove(&held).unwrap();
        assert_eq!(town.request(request).unwrap_err().key(), "failed-text-missing");
        town.texts.insert(held, text);
    }
    town.texts.remove(&id_of(&blob(&format!("name of {NINA:?}"))));
    assert_eq!(town.request(request).unwrap_err().key(), "failed-text-missing");
}

/// What somebody writes stands in its sentence and nowhere else, however it is filled up.
#[test]
fn nobody_writes_the_rest_of_the_screen() {
    let (mut town, request) = asked();
    let honest = town.request(request).unwrap().lines().count();
    let state = town.world.state();
    let (label, reason) = (state.version(&version(1, 1)).unwrap().label, state.request(request).unwrap().reason);
    let padding = " \u{a0}\u{3000}\u{2003}".repeat(100);
    town.texts.insert(reason, format!("panne”{padding}Agreed so far: Bruno{padding}{}", "a ".repeat(900)));
    town.texts.insert(label, format!("s{}ite{padding}of {}", "\u{301}".repeat(300), "the association ".repeat(50)));
    let screen = town.request(request).unwrap();
    assert_eq!(screen.lines().count(), honest);
    assert!(!screen.contains("  Agreed"), "{screen}");
    says(
        &screen,
        &["panne” Agreed so far: Bruno a a a", "… (+1427)”", &format!("“s{}ite of the", "\u{301}".repeat(4))],
    );
    assert!(screen.lines().all(|line| line.chars().count() < 600), "{screen}");
}

/// What the target would be told is shown to the letter, or nothing is signed.
#[test]
fn what_a_target_is_told_is_shown_or_nothing_is_signed() {
    let mut world = World::with_unasked();
    world.connected(TRUSTEES[0], 1, &[PartKind::Password]);
    world.let_open(TRUSTEES[0], 1);
    let request = world.mint_of(MEMBER, 1);
    let request = world.ok(MEMBER, Act::Request(request));
    let asked = world.state().request(request).unwrap();
    let (input, connector, reason) = (asked.input.unwrap(), asked.connector.unwrap(), asked.reason);
    let label = world.state().version(&version(1, 1)).unwrap().label;
    let names = world.state().people().iter().map(|(id, person)| (person.name, format!("Somebody {id}")));
    let texts = names.chain([(label, "site".to_owned()), (reason, "panne".to_owned())]).collect();
    let mut town = Town { world, texts };
    town.texts.insert(connector, "{}".to_owned());

    let key = format!("ssh-rsa AAAA{}", "A".repeat(1368));
    town.texts.insert(input, key.clone());
    says(&town.request(request).unwrap(), &[&format!("told of the person: “{key}”")]);
    let shown_elsewhere = [format!("{key}  and more"), format!("{key}\u{a0}b"), "a".repeat(1601), unshowable(&input)];
    for text in shown_elsewhere {
        town.texts.insert(input, text);
        assert_eq!(town.request(request).unwrap_err().key(), "failed-text-unshowable");
    }
    town.texts.insert(input, key);
    town.texts.insert(connector, unshowable(&connector));
    assert_eq!(town.request(request).unwrap_err().key(), "failed-text-unshowable");
    town.texts.remove(&connector);
    assert_eq!(town.request(request).unwrap_err().key(), "failed-text-missing");
}

#[test]
fn a_granted_request_keeps_the_label_that_was_asked_for() {
    let mut town = Town::founded();
    town.world.let_deposit(NINA, 1);
    let request = town.world.let_grant(NINA, 1, &[AWA, BRUNO]);
    let state = town.world.state();
    let (label, reason) = (state.version(&version(1, 1)).unwrap().label, state.request(request).unwrap().reason);
    town.texts.insert(label, "banque".to_owned());
    town.texts.insert(reason, "panne".to_owned());
    // Whoever may deposit renames the account.
    let mut renamed = town.world.deposit_of(1, 2, "web", &[PartKind::Password]);
    renamed.label = blob("renamed");
    town.texts.insert(id_of(&renamed.label), "journal du club".to_owned());
    town.world.ok(CHLOE, Act::Deposit(renamed));
    let screen = town.request(request).unwrap();
    says(&screen, &["Nina asks for “banque”", "This is version 1; the newest is version 2."]);
}

#[test]
fn a_part_that_was_carried_over_under_another_name_says_so() {
    let mut town = Town::founded();
    let deposit = town.world.deposit_of(1, 1, "web", &[PartKind::Password]);
    town.texts.insert(id_of(&deposit.label), "banque".to_owned());
    town.world.ok(NINA, Act::Deposit(deposit));
    let mut renamed = town.world.next_version(1, &[PartKind::Notes], &[PartKind::Password]);
    renamed.label = blob("renamed");
    town.texts.insert(id_of(&renamed.label), "journal du club".to_owned());
    town.world.ok(NINA, Act::Deposit(renamed));
    let request = town.world.let_request(NINA, 1);
    let reason = town.world.state().request(request).unwrap().reason;
    town.texts.insert(reason, "panne".to_owned());
    let screen = town.request(request).unwrap();
    let id = format!("#{}", &credential(1).to_string()[..8]);
    says(&screen, &["Nina asks for “journal du club”", "was sealed under another name: banque", "Vault “web”", &id]);
}

#[test]
fn silence_of_the_server_does_not_keep_a_password_from_being_due() {
    let mut town = Town::founded();
    town.world.let_deposit(NINA, 1);
    let request = town.world.let_grant(NINA, 1, &[AWA, BRUNO]);
    town.world.daemon(DaemonAct::Collected(request)).unwrap();
    let until = match &town.world.state().request(request).unwrap().stage {
        sequestre::escrow::request::Stage::Leased(lease) => lease.until(),
        other => panic!("{other:?}"),
    };
    let unrecorded = |town: &Town, at| town.view(|view| view.known_at(Some(at)).unrecorded());
    let due = |town: &Town, at| town.view(|view| view.known_at(Some(at)).due(&credential(1)));
    // The server has an hour to record it.
    assert_eq!(unrecorded(&town, until.after(Seconds(3_599))), []);
    assert_eq!(due(&town, until.after(Seconds(3_599))), None);
    let late = until.after(Seconds::HOUR);
    assert_eq!(unrecorded(&town, late), [Unrecorded { request, ended: until, access: true }]);
    assert_eq!(due(&town, late).map(|due| (due.urgency, due.since)), Some((Urgency::Later, until)));
    // A copy that goes on after the time convicts itself, without anybody's clock.
    town.world.now = late;
    assert!(town.view(|view| view.unrecorded()).is_empty());
    town.world.let_deposit(AWA, 2);
    assert_eq!(town.view(|view| view.unrecorded()).len(), 1);
    // As soon as it is recorded, the log itself says what is due.
    town.world.timers();
    assert!(town.view(|view| view.unrecorded()).is_empty());
    assert_eq!(town.view(|view| view.due(&credential(1))).map(|due| due.urgency), Some(Urgency::Later));
}

#[test]
fn what_was_granted_and_never_fetched_is_told_when_its_time_is_over() {
    let mut town = Town::founded();
    town.world.let_deposit(NINA, 1);
    let request = town.world.let_grant(NINA, 1, &[AWA, BRUNO]);
    let state = town.world.state().request(request).unwrap();
    let (expires, over) = (state.expires, state.expires.after(state.duration));
    let told = |at| town.view(|view| view.known_at(Some(at)).unrecorded());
    assert_eq!(told(expires), []);
    assert!(told(expires.after(Seconds::HOUR)).iter().all(|u| u.request == request));
    assert_eq!(told(over.after(Seconds::HOUR)), [Unrecorded { request, ended: over, access: true }]);
}

#[test]
fn a_charter_that_makes_destroying_easier_says_so() {
    let mut town = Town::founded();
    let mut charter = small_charter(2, &[AWA, BRUNO, CHLOE]);
    charter.destroy_delay = 3_600;
    let index = town.world.propose_charter(charter, &[]);
    let screen = town.proposal(index).unwrap();
    says(
        &screen,
        &[
            "Destroying takes two agreements, 1 hour apart at least.",
            "until now: Destroying takes two agreements, 7 days apart at least.",
            "This changes who destroys or amends, or how soon.",
            "This takes two agreements: “amend” (2 of 3), “destroy” (2 of 3) now, and as many again, not necessarily the same people, once 7 days are over",
        ],
    );
    town.world.ok(BRUNO, town.world.sign(index));
    let screen = town.proposal(index).unwrap();
    says(&screen, &["Agreed a first time", "by Awa, Bruno", "Confirmed so far: –"]);
    // A longer delay makes nothing easier.
    let mut charter = small_charter(2, &[AWA, BRUNO, CHLOE]);
    charter.destroy_delay = 8 * 86_400;
    let index = town.world.propose_charter(charter, &[]);
    let screen = town.proposal(index).unwrap();
    assert!(!screen.contains("CAREFUL") && !screen.contains("This takes two agreements"), "{screen}");
}

#[test]
fn what_is_lost_is_shown_or_nothing_is_signed() {
    let mut town = Town::founded();
    town.world.let_deposit(NINA, 1);
    let subject = v1::propose_destruction::Subject::Account(v1::DoomedAccount {
        credential: credential(1).to_vec(),
        version: 0,
    });
    let reason = blob("why it is destroyed");
    let act = Act::ProposeDestruction(v1::ProposeDestruction { subject: Some(subject), reason: reason.clone() });
    let index = town.world.ok(AWA, act);
    assert_eq!(town.proposal(index).unwrap_err().key(), "failed-text-missing", "no label");
    town.texts.insert(id_of(&blob("label 1")), "the shop".to_owned());
    assert_eq!(town.proposal(index).unwrap_err().key(), "failed-text-missing", "no reason");
    town.texts.insert(id_of(&reason), "closed".to_owned());
    let screen = town.proposal(index).unwrap();
    says(&screen, &["the account “the shop”", "its only version", "deposited by Nina", "known to: Nina", "“closed”"]);
    assert!(!screen.contains("due to be changed"));
}
