//! A log with every act of people and of the daemon, with real texts; and the sentences that it is told in.

use std::collections::{BTreeMap, BTreeSet};

use ring::signature::Ed25519KeyPair;
use sequestre::client::audit::timeline::{Line, timeline};
use sequestre::client::say::Say;
use sequestre::escrow::entry::DaemonAct;
use sequestre::escrow::id::BlobId;
use sequestre::escrow::log::checkpoint::{Checkpoint, LogVerifier, SignedCheckpoint};
use sequestre::escrow::log::cosignature::{Cosignature, VerifiedCosignature, cosignature_message};
use sequestre::escrow::log::merkle::TreeHead;
use sequestre::escrow::part::PartKind;
use sequestre::escrow::refusal::Refusal;
use sequestre::escrow::role::Role;
use sequestre::escrow::text::Text;
use sequestre::escrow::time::{Seconds, Time};

use crate::world::*;

/// A log, and the texts that it names.
#[derive(Clone)]
pub struct Story {
    pub world: World,
    pub texts: BTreeMap<BlobId, Vec<u8>>,
}

impl Story {
    fn note(texts: &mut BTreeMap<BlobId, Vec<u8>>, text: &str) -> Vec<u8> {
        let blob = Text::parse_multiline(text).unwrap().to_blob(&fake(&format!("{text} {}", texts.len())));
        let id = BlobId::of(&blob);
        texts.insert(id, blob);
        id.to_vec()
    }

    pub fn text(&mut self, text: &str) -> Vec<u8> {
        Self::note(&mut self.texts, text)
    }

    /// Founded with seven trustees, a mediator, a technician and two members, by their names.
    pub fn founded() -> Self {
        let mut texts = BTreeMap::new();
        let named = v1::Genesis {
            name: Self::note(&mut texts, "Les Amis du Lac"),
            founder_name: Self::note(&mut texts, "Awa"),
            ..genesis()
        };
        let world = World::begin_with(named, START).unwrap();
        let mut story = Self { world, texts };
        let trustees = ["Awa", "Bruno", "Chloé", "Denis", "Élise", "Farid", "Gaëlle"];
        let mut roll: Vec<(Who, Vec<Role>)> = TRUSTEES.iter().map(|who| (*who, vec![Role::Trustee])).collect();
        roll.push((MEDIATOR, vec![Role::Mediator]));
        roll.push((TECHNICIAN, vec![Role::Technician]));
        roll.push((MEMBER, vec![Role::Member]));
        roll.push((OTHER_MEMBER, vec![Role::Member]));
        let names = trustees.into_iter().chain(["Maud", "Théo", "Nina", "Omar"]);
        for (name, (who, roles)) in names.zip(roll.clone()).skip(1) {
            story.join(who, name, &roles);
        }
        let proposal = story.world.propose_charter(standard_charter(), &roll);
        for who in &TRUSTEES[1..] {
            story.world.ok(*who, story.world.sign(proposal));
        }
        story.world.ok(MEDIATOR, story.world.sign(proposal));
        story
    }

    fn join(&mut self, who: Who, name: &str, roles: &[Role]) {
        let secret = token(name);
        let expires = self.world.now.after(Seconds::DAY);
        let Act::Invite(invitation) = invite(&secret, roles, expires) else { unreachable!() };
        let name = self.text(name);
        self.world.ok(FOUNDER, Act::Invite(v1::Invite { name, ..invitation }));
        self.world.ok(who, join(who, &secret, roles));
    }

    /// An account called `label`.
    pub fn deposit(&mut self, who: Who, n: u8, version: u32, label: &str) -> u64 {
        let label = self.text(label);
        let sheet = self.text("{\"legal_holder\":\"Les Amis du Lac\",\"url\":\"https://registrar.example\"}");
        let deposit = self.world.deposit_of(n, version, "web", &[PartKind::Password]);
        self.world.ok(who, Act::Deposit(v1::Deposit { label, sheet, ..deposit }))
    }

    pub fn request(&mut self, who: Who, n: u8, reason: &str) -> u64 {
        let reason = self.text(reason);
        let request = self.world.request_of(who, n);
        self.world.ok(who, Act::Request(v1::Request { reason, ..request }))
    }

    pub fn approve(&mut self, who: Who, request: u64) {
        let act = self.world.approve(who, request);
        self.world.ok(who, act);
    }

    /// Every act of people, and every act of the daemon.
    pub fn whole() -> Self {
        let mut story = Self::founded();
        // Devices and an invitation that nobody used.
        let phone = public_key("phone");
        story.world.ok(MEMBER, enrol(MEMBER, phone));
        story.world.ok(MEMBER, revoke_device(phone));
        let name = story.text("Zoé");
        let Act::Invite(unused) = invite(&token("Zoé"), &[Role::Member], story.world.now.after(Seconds::DAY)) else {
            unreachable!()
        };
        story.world.ok(FOUNDER, Act::Invite(v1::Invite { name, ..unused }));
        story.world.ok(FOUNDER, cancel(&token("Zoé")));
        // An account, checked by two trustees, one of whom finds a bad share.
        story.deposit(TECHNICIAN_AS_MEMBER, 1, 1, "amis-du-lac.example");
        let password = part(1, 1, PartKind::Password);
        story.world.ok(TRUSTEES[1], confirm(&[(password, v1::ShareVerdict::Good)]));
        story.world.ok(TRUSTEES[2], confirm(&[(password, v1::ShareVerdict::DoesNotMatch)]));
        // Granted, fetched, run out.
        let first = story.request(MEMBER, 1, "renouveler le nom de domaine");
        let why = story.text("pas convaincu");
        let Act::Deny(deny) = story.world.deny(first) else { unreachable!() };
        story.world.ok(TRUSTEES[1], Act::Deny(v1::Deny { reason: why, ..deny }));
        story.approve(TRUSTEES[2], first);
        story.approve(TRUSTEES[3], first);
        story.world.daemon(DaemonAct::Collected(first)).unwrap();
        story.world.wait(Seconds(3_600));
        story.world.daemon(DaemonAct::LeaseExpired(first)).unwrap();
        // Changed; granted and given back; granted and revoked.
        story.deposit(TRUSTEES[0], 1, 2, "amis-du-lac.example");
        let second = story.request(OTHER_MEMBER, 1, "mettre à jour l’hébergeur");
        story.approve(TRUSTEES[4], second);
        story.approve(TRUSTEES[5], second);
        story.world.daemon(DaemonAct::Collected(second)).unwrap();
        story.world.ok(OTHER_MEMBER, give_back(second));
        let third = story.request(MEMBER, 1, "vérifier les adresses");
        story.approve(TRUSTEES[4], third);
        story.approve(TRUSTEES[6], third);
        let why = story.text("erreur de compte");
        story.world.ok(TRUSTEES[1], Act::Revoke(v1::Revoke { request_index: third, reason: why }));
        // A trustee's own share; withdrawn. Nobody answers; granted and never fetched.
        let own = story.request(TRUSTEES[3], 1, "audit");
        story.world.ok(TRUSTEES[3], give_back(own));
        story.request(MEMBER, 1, "sans réponse");
        let never = story.request(OTHER_MEMBER, 1, "jamais récupérée");
        story.approve(TRUSTEES[1], never);
        story.approve(TRUSTEES[2], never);
        story.world.wait(Seconds(72 * 3_600));
        assert_eq!(story.world.timers(), 2);
        story.look_closely(second, never);
        // Somebody comes, somebody is removed, somebody leaves.
        story.join(NEWCOMER, "Lina", &[Role::Member]);
        let admission = story.world.admit(NEWCOMER, &[Role::Member]);
        let admission = story.world.ok(FOUNDER, admission);
        story.world.ok(TRUSTEES[1], story.world.sign(admission));
        let why = story.text("ne répond plus");
        let removal = v1::ProposeRemoval { person: OTHER_MEMBER.id.to_vec(), reason: why };
        let removal = story.world.ok(FOUNDER, Act::ProposeRemoval(removal));
        story.world.ok(TRUSTEES[2], story.world.sign(removal));
        story.world.ok(MEMBER, leave());
        story
    }

    /// Shares looked at again, an account tried, a copy restored, a recovery without the server. `tried` was Omar's
    /// access, which Élise and Farid agreed to.
    fn look_closely(&mut self, tried: u64, uncollected: u64) {
        let password = part(1, 2, PartKind::Password);
        assert_eq!(self.world.no(OTHER_MEMBER, confirm_access(uncollected, true)), Refusal::NothingToTest);
        self.world.ok(OTHER_MEMBER, confirm_access(tried, false));
        self.world.ok(OTHER_MEMBER, confirm_access(tried, true));
        let (elise, farid) = (TRUSTEES[4], TRUSTEES[5]);
        self.world.ok(OTHER_MEMBER, claim(tried, elise, &[PartKind::Password], v1::ShareVerdict::DoesNotOpen));
        self.world.ok(OTHER_MEMBER, claim(tried, farid, &[PartKind::Password], v1::ShareVerdict::DoesNotMatch));
        self.world.ok(elise, confirm(&[(password, v1::ShareVerdict::Good)]));
        self.world.ok(farid, confirm(&[(password, v1::ShareVerdict::DoesNotMatch)]));
        self.world.ok(MEDIATOR, start_drill());
        self.world.ok(elise, confirm(&[(password, v1::ShareVerdict::Good)]));
        for works in [true, false] {
            let result = self.world.record_drill(works);
            self.world.ok(TECHNICIAN, result);
        }
        self.deposit(MEMBER, 2, 1, "hébergement");
        self.world
            .ok(TRUSTEES[2], self.world.answer("the server burnt", TRUSTEES[1], &[part(2, 1, PartKind::Password)]));
    }

    pub fn tell(&self, say: &Say) -> Vec<Line> {
        let texts = |id: &BlobId| {
            let text = Text::multiline_from_blob(self.texts.get(id)?, *id).ok()?;
            Some(text.as_str().to_owned())
        };
        timeline(self.world.id(), &self.world.entries, say, &texts).unwrap()
    }

    pub fn verifier(&self) -> LogVerifier {
        LogVerifier::new(self.world.id(), public(&LOG_KEY))
    }

    /// A checkpoint that the log key signed, whatever it says.
    pub fn signed(&self, head: TreeHead) -> SignedCheckpoint {
        let body = Checkpoint { organisation: self.world.id(), head }.body();
        self.verifier().assemble(head, &sign_with(&LOG_KEY, body.as_bytes())).unwrap()
    }

    /// What a person's first device says about a tree.
    pub fn cosigned(&self, who: Who, head: TreeHead, time: Time) -> VerifiedCosignature {
        let organisation = self.world.id();
        let checkpoint = Checkpoint { organisation, head };
        let pair = Ed25519KeyPair::from_seed_unchecked(&fake(&format!("first device {}", who.0))).unwrap();
        let signature = sign_with(&pair, &cosignature_message(time.0, &checkpoint));
        let line = Cosignature::new(organisation, who.id, &who.device, time.0, signature).unwrap();
        line.verify(&who.id, &who.device, &checkpoint).unwrap()
    }

    /// Texts that everybody may read: all but the account sheets.
    pub fn public_texts(&self) -> Vec<Vec<u8>> {
        let sheet = |blob: &&Vec<u8>| !blob.windows(12).any(|w| w == b"legal_holder");
        self.texts.values().filter(sheet).cloned().collect()
    }
}

/// The charter of the tests lets members and trustees deposit.
const TECHNICIAN_AS_MEMBER: Who = MEMBER;

fn sentence_of<'a>(lines: &'a [Line], act: &str, part: &str) -> &'a str {
    let found = lines.iter().find(|line| line.act == act && line.sentence.contains(part));
    &found.unwrap_or_else(|| panic!("no {act} with {part:?}")).sentence
}

#[test]
fn every_act_has_its_sentence_in_both_languages() {
    let story = Story::whole();
    let acts = [
        "genesis",
        "invite",
        "cancel_invitation",
        "join",
        "enrol_device",
        "revoke_device",
        "propose_charter",
        "propose_admission",
        "propose_removal",
        "sign",
        "leave",
        "deposit",
        "confirm_shares",
        "request",
        "approve",
        "deny",
        "return",
        "revoke",
        "record_answer",
        "claim",
        "start_drill",
        "confirm_access",
        "record_drill",
        "collected",
        "request_expired",
        "lease_expired",
    ];
    for say in [Say::english(), Say::french()] {
        let lines = story.tell(&say);
        assert_eq!(lines.len(), story.world.entries.len());
        let told: BTreeSet<&str> = lines.iter().map(|line| line.act).collect();
        assert_eq!(told, acts.into_iter().collect());
        for line in &lines {
            // No key that has no sentence, no value that was not given, no name or text that is not there.
            for wrong in ["log-", "view-", "{", "$", "#", &say.plain("view-text-missing")] {
                assert!(!line.sentence.contains(wrong), "{wrong} in {}", line.sentence);
            }
        }
    }
}

#[test]
fn sentences_say_who_what_and_what_followed() {
    let story = Story::whole();
    let lines = story.tell(&Say::english());
    let of = |act, part| sentence_of(&lines, act, part);
    assert_eq!(lines[0].sentence, "Awa founded the association “Les Amis du Lac” (server escrow.example.org:7443).");
    assert!(of("sign", "in force").starts_with("Gaëlle signed version 1 of the charter (proposal 21)."));
    assert!(of("sign", "acknowledged").starts_with("Maud"));
    assert!(of("deposit", "in escrow").starts_with("Nina put the account “amis-du-lac.example” in escrow"));
    assert_eq!(
        of("confirm_shares", "Chloé"),
        "Chloé opened the parts of keys received. Right: 0. The part of the key to “amis-du-lac.example” (password) \
         dealt by Nina is not the one that the log names."
    );
    assert!(of("request", "renouveler").contains("for 1 hour: “renouveler le nom de domaine”."));
    assert!(of("request", "audit").contains("handing in a part of the key of their own"));
    assert!(of("deny", "Bruno").ends_with("because “pas convaincu”."));
    let granted = of("approve", "“everyday” agreed");
    assert!(granted.starts_with("Denis agreed to request 3") && granted.ends_with("is granted."), "{granted}");
    assert!(of("lease_expired", "Nina").ends_with("is to be changed later."));
    assert!(of("deposit", "version 2").ends_with("is on record as done."));
    assert!(of("return", "Omar").starts_with("Omar gave back the access to “amis-du-lac.example”"));
    assert!(of("return", "withdrew").starts_with("Denis withdrew"));
    assert!(of("revoke", "Bruno").contains("because “erreur de compte”."));
    assert!(of("request_expired", "too few").contains("Nina"));
    assert!(of("request_expired", "did not fetch").starts_with("Omar"));
    assert!(of("sign", "take in Lina").ends_with("Taken in: Lina."));
    assert!(of("sign", "remove Omar").contains("No longer belong to the association: Omar."));
    assert!(of("leave", "Nina").starts_with("Nina left the association."));
    assert!(!of("leave", "Nina").contains("No longer belong"));
}

#[test]
fn sentences_say_what_was_looked_at_again() {
    let story = Story::whole();
    let lines = story.tell(&Say::english());
    let of = |act, part| sentence_of(&lines, act, part);
    assert!(of("confirm_access", "NOT").starts_with("Omar tried what the access to “amis-du-lac.example”"));
    assert!(of("confirm_access", "it works").starts_with("Omar tried"));
    assert!(of("claim", "does not open").starts_with("Omar says that the part of the key to “amis-du-lac.example”"));
    assert!(of("claim", "not the one").ends_with("Farid’s program will look again."));
    let good = of("confirm_shares", "right as it was dealt");
    assert!(good.starts_with("Élise") && good.contains("This answers what Omar said"), "{good}");
    assert!(of("confirm_shares", "bad before").starts_with("Farid"));
    let answers = |line: &&Line| line.act == "confirm_shares" && line.sentence.contains("This answers");
    assert_eq!(lines.iter().filter(answers).count(), 2, "a drill is no claim");
    assert!(of("start_drill", "everybody").starts_with("Maud started a drill"));
    assert!(of("record_drill", "Everything").contains("entries and 31 files in 14 minutes"));
    assert!(of("record_drill", "NOT").starts_with("Théo tried to restore"));
    let answer = of("record_answer", "handed over to Bruno");
    assert!(answer.starts_with("Chloé says") && answer.contains("1 part of a key: hébergement."), "{answer}");
    assert!(answer.ends_with("“hébergement” is to be changed now."), "{answer}");
    let line = lines.iter().find(|line| line.act == "record_answer").unwrap();
    assert_eq!((line.person, &line.people), (Some(TRUSTEES[2].id), &[TRUSTEES[1].id, TRUSTEES[2].id].into()));
    let line = lines.iter().find(|line| line.act == "confirm_shares" && answers(line)).unwrap();
    assert_eq!(line.data()["details"]["then"][0]["answer"], "good");
}

#[test]
fn a_line_knows_whom_and_what_it_concerns() {
    let story = Story::whole();
    let lines = story.tell(&Say::english());
    let approval = lines.iter().find(|line| line.act == "approve").unwrap();
    assert_eq!(approval.person, Some(TRUSTEES[2].id));
    assert_eq!(approval.people, BTreeSet::from([TRUSTEES[2].id, MEMBER.id]));
    assert_eq!(approval.credentials, BTreeSet::from([credential(1)]));
    let data = approval.data();
    assert_eq!(data["act"], "approve");
    assert_eq!(data["person"], TRUSTEES[2].id.to_string());
    assert!(data["time"].is_u64() && data["details"]["request"].is_u64());
    let expired = lines.iter().find(|line| line.act == "lease_expired").unwrap();
    assert_eq!((expired.person, &expired.people), (None, &BTreeSet::from([MEMBER.id])));
    assert_eq!(expired.data()["details"]["then"][0]["kind"], "due");
    assert!(expired.data()["person"].is_null());
}

#[test]
fn missing_texts_are_said_to_be_missing() {
    let mut story = Story::whole();
    story.texts.clear();
    let lines = story.tell(&Say::french());
    assert!(sentence_of(&lines, "deny", "#").contains("(ce texte n’est pas sur cet ordinateur)"));
    assert!(lines[0].sentence.starts_with('#'));
}
