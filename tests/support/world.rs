//! An organisation in memory, without input or output, clock or randomness: what tests of the rules drive.
//!
//! Every command takes the whole way: protobuf, signature, verification, `decide`, entry, and then a replay that
//! trusts nothing. [`World::offer`] compares what the daemon's half and the verifier's half say, each time.
//!
//! People come from fixed seeds and nonces from a counter, so that the same calls give the same bytes. Secrets,
//! shares and texts are digests of made-up labels: the rules see nothing else of them.
#![allow(dead_code, reason = "each test crate uses a part of it")]

use std::sync::LazyLock;

use prost::Message as _;
use sequestre::escrow::charter::RULES_VERSION;
use sequestre::escrow::command::{NO_ORGANISATION, SignedCommand, organisation_id, preimage};
use sequestre::escrow::entry::{DaemonAct, Entry, SignedAct, What};
use sequestre::escrow::id::{BlobId, Digest, InvitationId, OrganisationId};
use sequestre::escrow::key::VerifyingKey;
use sequestre::escrow::log::merkle::{TreeHead, root_at};
use sequestre::escrow::moving::{MoveStatement, SignedMove};
use sequestre::escrow::organisation::{Effect, Organisation};
use sequestre::escrow::part::{PartId, PartKind};
use sequestre::escrow::quorum::QuorumName;
use sequestre::escrow::recovery::request_preimage;
use sequestre::escrow::refusal::Refusal;
use sequestre::escrow::replay::{Fault, Rejected, Replay, Trust};
use sequestre::escrow::role::Role;
use sequestre::escrow::time::{Seconds, Time};
pub use sequestre::proto::v1;
pub use v1::command::Act;

mod actors;
mod charters;
mod targets;

pub use actors::*;
pub use charters::*;
#[allow(unused_imports, reason = "not every test crate has something to do with targets")]
pub use targets::*;

/// The texts that come with an act.
fn texts_of(act: &mut Act) -> Vec<&mut Vec<u8>> {
    match act {
        Act::Invite(m) => vec![&mut m.name],
        Act::ProposeRemoval(m) => vec![&mut m.reason],
        Act::ProposeDestruction(m) => vec![&mut m.reason],
        Act::Veto(m) => vec![&mut m.reason],
        Act::Deposit(m) => vec![&mut m.label, &mut m.sheet],
        Act::Request(m) => {
            let mut texts = vec![&mut m.reason];
            texts.extend((!m.input.is_empty()).then_some(&mut m.input));
            texts
        }
        Act::Deny(m) => vec![&mut m.reason],
        Act::Revoke(m) => vec![&mut m.reason],
        Act::Seal(m) => vec![&mut m.reason],
        Act::EndDelegation(m) => vec![&mut m.reason],
        Act::Take(m) => vec![&mut m.reason],
        _ => Vec::new(),
    }
}

#[derive(Clone)]
pub struct World {
    pub replay: Replay,
    pub entries: Vec<Vec<u8>>,
    /// What clock and daemon say.
    pub now: Time,
    /// What the last accepted entry asks its host to do.
    pub effects: Vec<Effect>,
    nonces: u64,
}

impl World {
    /// A log with its genesis only.
    pub fn begin() -> Self {
        Self::begin_with(genesis(), START).unwrap()
    }

    pub fn begin_with(genesis: v1::Genesis, now: Time) -> Result<Self, Rejected> {
        let command = v1::Command {
            created: START.0,
            nonce: fake("genesis nonce")[..16].to_vec(),
            base: Some(TreeHead::EMPTY.into()),
            act: Some(Act::Genesis(genesis)),
        };
        let bytes = command.encode_to_vec();
        let id = organisation_id(&bytes);
        let signed = sign_as(FOUNDER, &NO_ORGANISATION, bytes);
        let entry = Entry { index: 0, time: now, what: What::Command(Box::new(signed)) }.encode();
        let (replay, effects) = Replay::begin(id, &entry, Trust::Nothing)?;
        Ok(Self { replay, entries: vec![entry], now, effects, nonces: 0 })
    }

    /// The organisation of [`standard_charter`], with two members besides.
    pub fn founded() -> Self {
        static FOUNDED: LazyLock<World> = LazyLock::new(|| {
            let mut roll: Vec<(Who, Vec<Role>)> = TRUSTEES.iter().map(|who| (*who, vec![Role::Trustee])).collect();
            roll.push((MEDIATOR, vec![Role::Mediator]));
            roll.push((TECHNICIAN, vec![Role::Technician]));
            roll.push((MEMBER, vec![Role::Member]));
            roll.push((OTHER_MEMBER, vec![Role::Member]));
            World::found_with(standard_charter(), &roll)
        });
        FOUNDED.clone()
    }

    /// The organisation of [`two_group_charter`], with one member besides.
    pub fn two_groups() -> Self {
        static FOUNDED: LazyLock<World> = LazyLock::new(|| {
            let people = BOARD.iter().chain(&TECHNICAL);
            let mut roll: Vec<(Who, Vec<Role>)> = people.map(|who| (*who, vec![Role::Trustee])).collect();
            roll.push((MEMBER, vec![Role::Member]));
            World::found_with(two_group_charter(), &roll)
        });
        FOUNDED.clone()
    }

    /// Founds with everybody of `roll`, the founder included; every trustee signs.
    pub fn found_with(charter: v1::Charter, roll: &[(Who, Vec<Role>)]) -> Self {
        let mut world = Self::begin();
        for (who, roles) in roll.iter().filter(|(who, _)| *who != FOUNDER) {
            world.let_join(*who, roles);
        }
        let proposal = world.propose_charter(charter, roll);
        for who in roll.iter().filter(|(_, roles)| roles.contains(&Role::Trustee)).map(|(who, _)| *who) {
            if who != FOUNDER {
                world.ok(who, world.sign(proposal));
            }
        }
        assert!(world.state().charter().is_some());
        world
    }

    /// The founder invites, the newcomer joins.
    pub fn let_join(&mut self, who: Who, roles: &[Role]) {
        let secret = token(&format!("{who:?} {}", self.entries.len()));
        let expires = self.now.after(Seconds::DAY);
        self.ok(FOUNDER, invite(&secret, roles, expires));
        self.ok(who, join(who, &secret, roles));
    }

    /// The founder proposes a charter that takes in `roll`.
    pub fn propose_charter(&mut self, charter: v1::Charter, roll: &[(Who, Vec<Role>)]) -> u64 {
        let act = self.charter_proposal(charter, roll);
        self.ok(FOUNDER, act)
    }

    pub fn charter_proposal(&self, charter: v1::Charter, roll: &[(Who, Vec<Role>)]) -> Act {
        let mut roll: Vec<_> = roll.iter().map(|(who, roles)| (who.id, self.admission(*who, roles))).collect();
        roll.sort_by_key(|(id, _)| *id);
        let roll = roll.into_iter().map(|(_, admission)| admission).collect();
        Act::ProposeCharter(v1::ProposeCharter { charter: Some(charter), roll })
    }

    /// Somebody's admission, as their join says.
    pub fn admission(&self, who: Who, roles: &[Role]) -> v1::Admission {
        let joined = self.state().person(&who.id).unwrap().joined;
        v1::Admission {
            keys: Some(who.keys.into()),
            roles: wire_roles(roles),
            join_index: joined.index,
            join_leaf: joined.leaf.to_vec(),
        }
    }

    /// An answer to the recovery of this name, which `starter` began.
    pub fn answer(&self, recovery: &str, starter: Who, parts: &[PartId]) -> Act {
        let part = |part: &PartId| v1::AnsweredPart {
            credential: part.version.credential.to_vec(),
            version: part.version.version,
            kind: part.kind as i32,
        };
        let request = starter.sign(&request_preimage(&self.id(), &Digest::new(fake(recovery))));
        Act::RecordAnswer(v1::RecordAnswer {
            recovery: blob(recovery),
            starter: starter.id.to_vec(),
            parts: parts.iter().map(part).collect(),
            request: Some(request.into()),
        })
    }

    pub fn state(&self) -> &Organisation {
        self.replay.organisation()
    }

    pub fn id(&self) -> OrganisationId {
        self.state().id()
    }

    pub fn head(&self) -> TreeHead {
        self.replay.head()
    }

    /// The tree when it had `size` entries.
    pub fn head_at(&self, size: u64) -> TreeHead {
        TreeHead { size, root: root_at(self.replay.tree(), size).unwrap() }
    }

    pub fn leaf(&self, index: u64) -> Digest {
        Entry::leaf(&self.entries[index as usize])
    }

    pub fn wait(&mut self, length: Seconds) {
        self.now = self.now.after(length);
    }

    /// A command as an honest client makes it now.
    pub fn draft(&mut self, mut act: Act) -> v1::Command {
        self.nonces += 1;
        let nonce = self.nonces;
        let again = |blob: &[u8]| {
            let id = BlobId::parse(blob).unwrap();
            self.state().is_forgotten(&id) || self.state().texts().any(|text| *text == id)
        };
        for text in texts_of(&mut act) {
            // The same words, with another salt.
            if again(text) {
                *text = blob(&format!("{text:?} with salt {nonce}"));
            }
        }
        v1::Command {
            created: self.now.0,
            nonce: fake(&format!("nonce {}", self.nonces))[..16].to_vec(),
            base: Some(self.head().into()),
            act: Some(act),
        }
    }

    pub fn signed(&mut self, who: Who, act: Act) -> SignedCommand {
        let command = self.draft(act);
        self.sign_draft(who, &command)
    }

    pub fn sign_draft(&self, who: Who, command: &v1::Command) -> SignedCommand {
        sign_as(who, &self.id(), command.encode_to_vec())
    }

    /// Submits an act that must be accepted; gives its index.
    #[track_caller]
    pub fn ok(&mut self, who: Who, act: Act) -> u64 {
        match self.submit(who, act) {
            Ok(index) => index,
            Err(refusal) => panic!("{who:?} is refused: {refusal:?}"),
        }
    }

    /// Submits an act that must be refused; gives the refusal.
    #[track_caller]
    pub fn no(&mut self, who: Who, act: Act) -> Refusal {
        match self.submit(who, act) {
            Ok(index) => panic!("{who:?} is accepted as entry {index}"),
            Err(refusal) => refusal,
        }
    }

    pub fn submit(&mut self, who: Who, act: Act) -> Result<u64, Refusal> {
        let signed = self.signed(who, act);
        self.offer(signed)
    }

    /// The same, of a command that was made by hand.
    pub fn submit_draft(&mut self, who: Who, command: &v1::Command) -> Result<u64, Refusal> {
        self.offer(self.sign_draft(who, command))
    }

    /// What the daemon does with a command; a replay of the entry must come to the same.
    pub fn offer(&mut self, signed: SignedCommand) -> Result<u64, Refusal> {
        let verified = signed.clone().verify(self.id()).expect("the tests sign correctly");
        let base_root = root_at(self.replay.tree(), verified.command().base.size).ok();
        let decision = self.state().decide(&verified, self.now, base_root).map(|_| ());
        let index = self.state().size();
        let entry = Entry { index, time: self.now, what: What::Command(Box::new(signed)) };
        match (decision, self.push(&entry)) {
            (Ok(()), Ok(())) => Ok(index),
            (Err(refusal), Err(Fault::Refused(judged))) => {
                assert_eq!(refusal, judged);
                Err(refusal)
            }
            (decision, replayed) => panic!("decide says {decision:?}, replay says {replayed:?}"),
        }
    }

    /// What the daemon does by itself.
    pub fn daemon(&mut self, act: DaemonAct) -> Result<u64, Refusal> {
        let index = self.state().size();
        let entry = self.act_entry(act.clone(), index, self.now);
        match self.push(&entry) {
            Ok(()) => Ok(index),
            Err(Fault::Refused(refusal)) => {
                assert_eq!(self.state().decide_daemon(act, self.now).map(|_| ()), Err(refusal.clone()));
                Err(refusal)
            }
            Err(fault) => panic!("{fault}"),
        }
    }

    /// A daemon act with the log key's signature.
    pub fn act_entry(&self, act: DaemonAct, index: u64, time: Time) -> Entry {
        let current = [&LOG_KEY, &NEW_LOG_KEY].into_iter().find(|pair| public(pair) == *self.state().log_key());
        let signature =
            sign_with(current.expect("one of the tests' log keys"), &act.preimage(&self.id(), index, time));
        Entry { index, time, what: What::Act(SignedAct { act, signature }) }
    }

    /// A move of the log as it is now to the other server.
    pub fn move_statement(&self) -> v1::MoveStatement {
        let current = self.state().charter().expect("only a founded organisation moves");
        v1::MoveStatement {
            organisation: self.id().to_vec(),
            charter: Some(v1::Charter {
                version: current.version() + 1,
                log_key: Some(public(&NEW_LOG_KEY).into()),
                address: "refuge.example.org:7443".to_owned(),
                ..current.wire().clone()
            }),
            old_log_key: Some((*self.state().log_key()).into()),
            prefix: Some(self.head().into()),
            server_key: Some(public_key("another server").into()),
            created: self.now.0,
            nonce: fake("nonce of a move")[..16].to_vec(),
            gives_up: 0,
        }
    }

    /// What these people signed, as somebody brings it.
    pub fn signed_move(&self, statement: &v1::MoveStatement, people: &[Who]) -> Act {
        let statement = MoveStatement::parse(&statement.encode_to_vec()).unwrap();
        let mut signed = SignedMove::unsigned(statement);
        for who in people {
            let message = signed.statement.preimage(&who.keys.signing);
            assert!(signed.add(who.keys.signing, who.sign(&message)));
        }
        Act::Move(signed.to_wire())
    }

    /// Everything that is due, until nothing is.
    pub fn timers(&mut self) -> usize {
        let mut done = 0;
        while let Some(act) = self.state().due(self.now).first().cloned() {
            self.daemon(act).unwrap();
            done += 1;
        }
        done
    }

    /// Replays an entry, whoever made it. A refused one leaves no trace.
    pub fn push(&mut self, entry: &Entry) -> Result<(), Fault> {
        self.push_bytes(&entry.encode())
    }

    pub fn push_bytes(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let before = self.head();
        match self.replay.push(bytes, Trust::Nothing) {
            Ok(effects) => {
                self.effects = effects;
                self.entries.push(bytes.to_vec());
                assert_eq!(self.head().size, before.size + 1);
                Ok(())
            }
            Err(rejected) => {
                assert_eq!((rejected.index, self.head()), (before.size, before));
                Err(rejected.fault)
            }
        }
    }

    /// A signature under a proposal.
    pub fn sign(&self, proposal: u64) -> Act {
        Act::Sign(v1::Sign { proposal_index: proposal, proposal_leaf: self.leaf(proposal).to_vec() })
    }

    pub fn admit(&self, who: Who, roles: &[Role]) -> Act {
        Act::ProposeAdmission(v1::ProposeAdmission { admission: Some(self.admission(who, roles)) })
    }

    /// A deposit that fits the charter in force.
    pub fn deposit_of(&self, n: u8, version: u32, vault: &str, kinds: &[PartKind]) -> v1::Deposit {
        let charter = self.state().charter().expect("only a founded organisation deposits");
        let name = format!("{n}.{version}");
        let opened_by = charter.vaults().find(|v| v.name.as_str() == vault).map(|v| v.opened_by.clone());
        let deal = |part: &str, quorum: &QuorumName| {
            let found = charter.quorum(quorum).unwrap();
            let several = found.groups().len() > 1;
            let groups = found.groups().iter().enumerate().map(|(g, group)| v1::DealtGroup {
                outer: if several { blob(&format!("outer {part} {quorum} {g}")) } else { Vec::new() },
                shares: (0..group.members().len())
                    .map(|m| v1::DealtShare {
                        digest: blob(&format!("share {part} {quorum} {g} {m}")),
                        sealed: blob(&format!("sealed share {part} {quorum} {g} {m}")),
                    })
                    .collect(),
            });
            v1::Deal { quorum: quorum.as_str().to_owned(), groups: groups.collect() }
        };
        let parts = kinds.iter().map(|kind| {
            let part = format!("{name} {}", kind.as_str());
            v1::Part {
                kind: *kind as i32,
                master_key: Some(recipient(&format!("master key {part}"))),
                sealed: blob(&format!("sealed {part}")),
                deals: opened_by.iter().flatten().map(|quorum| deal(&part, quorum)).collect(),
            }
        });
        v1::Deposit {
            carried: Vec::new(),
            connector: Vec::new(),
            exclusive: false,
            rewrapped: Vec::new(),
            credential: credential(n).to_vec(),
            version,
            vault: vault.to_owned(),
            label: blob(&format!("label {n}")),
            sheet: blob(&format!("sheet {name}")),
            parts: parts.collect(),
        }
    }

    /// A next version in vault `web` with these parts new, and these as they are.
    pub fn next_version(&self, n: u8, kinds: &[PartKind], carried: &[PartKind]) -> v1::Deposit {
        let (current, _) = self.state().credential(&credential(n)).unwrap().current().unwrap();
        let carry = |kind: &PartKind| {
            let dealt = self.state().current_part(&credential(n), *kind).unwrap().version.version;
            v1::CarriedPart { kind: *kind as i32, version: dealt }
        };
        let carried = carried.iter().map(carry).collect();
        v1::Deposit { carried, ..self.deposit_of(n, current + 1, "web", kinds) }
    }

    /// A new account in vault `web`, with a password.
    pub fn let_deposit(&mut self, who: Who, n: u8) -> u64 {
        let deposit = self.deposit_of(n, 1, "web", &[PartKind::Password]);
        self.ok(who, Act::Deposit(deposit))
    }

    /// A truthful request for all parts of the current version: an hour, waiting for 72.
    pub fn request_of(&self, who: Who, n: u8) -> v1::Request {
        let (_, current) = self.state().credential(&credential(n)).unwrap().current().unwrap();
        let mut current: Vec<PartId> =
            current.kinds().iter().map(|kind| self.state().current_part(&credential(n), *kind).unwrap()).collect();
        current.sort();
        let holds = |part: &PartId| {
            let deals = &self.state().part(part).unwrap().part.deals;
            deals.iter().any(|deal| deal.share_of(&who.id).is_some())
        };
        let parts = current.iter().map(|part| v1::RequestedPart {
            credential: credential(n).to_vec(),
            version: part.version.version,
            kind: part.kind as i32,
            recipient: Some(recipient(&format!("request {who:?} {n} {:?} {}", part.kind, self.entries.len()))),
            vouched: None,
        });
        v1::Request {
            parts: parts.collect(),
            purpose: v1::Purpose::Lease as i32,
            reason: blob("reason"),
            duration: 3_600,
            expires: self.now.after(Seconds(72 * 3_600)).0,
            own_share: current.iter().any(holds),
            standing: None,
            input: Vec::new(),
        }
    }

    pub fn let_request(&mut self, who: Who, n: u8) -> u64 {
        let request = self.request_of(who, n);
        self.ok(who, Act::Request(request))
    }

    /// An approval of exactly what stands in the log, releasing all of the approver's shares.
    pub fn approval_of(&self, who: Who, request: u64) -> v1::Approve {
        let asked = self.state().request(request).expect("a request");
        let released = asked.parts.iter().map(|asked| {
            let part = &self.state().part(&asked.part).unwrap().part;
            let mine = part.deals.iter().filter(|deal| deal.share_of(&who.id).is_some());
            let kind = asked.part.kind;
            let version = asked.part.version.version;
            let label = |i| blob(&format!("re-sealed {who:?} {request} {kind:?} of version {version}, {i}"));
            v1::Released { shares: mine.enumerate().map(|(i, _)| label(i)).collect() }
        });
        v1::Approve {
            request_index: request,
            request_leaf: self.leaf(request).to_vec(),
            parts: asked.parts.iter().map(|asked| (*asked).into()).collect(),
            expires: asked.expires.0,
            released: released.collect(),
        }
    }

    pub fn approve(&self, who: Who, request: u64) -> Act {
        Act::Approve(self.approval_of(who, request))
    }

    pub fn deny(&self, request: u64) -> Act {
        let request_leaf = self.leaf(request).to_vec();
        Act::Deny(v1::Deny { request_index: request, request_leaf, reason: blob("why not") })
    }

    /// The result of restoring the log as it is now.
    pub fn record_drill(&self, works: bool) -> Act {
        Act::RecordDrill(v1::RecordDrill { tree: Some(self.head().into()), seconds: 840, blobs: 31, works })
    }

    /// A request that these approved.
    pub fn let_grant(&mut self, who: Who, n: u8, approvers: &[Who]) -> u64 {
        let request = self.let_request(who, n);
        for approver in approvers {
            self.ok(*approver, self.approve(*approver, request));
        }
        request
    }
}

/// Signs for an organisation.
pub fn sign_as(who: Who, organisation: &OrganisationId, bytes: Vec<u8>) -> SignedCommand {
    let signature = who.sign(&preimage(organisation, &who.keys.signing, &bytes));
    SignedCommand::new(bytes, who.keys.signing, signature).expect("the tests' commands are well-formed")
}

pub fn genesis() -> v1::Genesis {
    v1::Genesis {
        rules_version: RULES_VERSION,
        log_key: Some(public(&LOG_KEY).into()),
        address: ADDRESS.to_owned(),
        name: blob("organisation"),
        founder: Some(FOUNDER.keys.into()),
        founder_name: blob("founder"),
        device: Some(FOUNDER.device.into()),
        founding_token: blob("founding token"),
    }
}

pub fn invite(token: &[u8; 32], roles: &[Role], expires: Time) -> Act {
    Act::Invite(v1::Invite {
        invitation: InvitationId::of_token(token).to_vec(),
        roles: wire_roles(roles),
        name: blob("newcomer"),
        expires: expires.0,
    })
}

pub fn cancel(token: &[u8; 32]) -> Act {
    Act::CancelInvitation(v1::CancelInvitation { invitation: InvitationId::of_token(token).to_vec() })
}

pub fn join_of(who: Who, token: &[u8; 32], roles: &[Role]) -> v1::Join {
    v1::Join {
        token: token.to_vec(),
        roles: wire_roles(roles),
        person: Some(who.keys.into()),
        device: Some(who.device.into()),
        mac: blob("mac"),
    }
}

pub fn join(who: Who, token: &[u8; 32], roles: &[Role]) -> Act {
    Act::Join(join_of(who, token, roles))
}

pub fn enrol(who: Who, device: VerifyingKey) -> Act {
    Act::EnrolDevice(v1::EnrolDevice { device: Some(device.into()), person: Some(who.keys.into()) })
}

pub fn revoke_device(device: VerifyingKey) -> Act {
    Act::RevokeDevice(v1::RevokeDevice { device: device.device().to_vec() })
}

pub fn remove(who: Who) -> Act {
    Act::ProposeRemoval(v1::ProposeRemoval { person: who.id.to_vec(), reason: blob("why they go") })
}

pub fn leave() -> Act {
    Act::Leave(v1::Leave {})
}

pub fn confirm(checks: &[(PartId, v1::ShareVerdict)]) -> Act {
    let check = |(part, verdict): &(PartId, v1::ShareVerdict)| v1::ShareCheck {
        credential: part.version.credential.to_vec(),
        version: part.version.version,
        kind: part.kind as i32,
        verdict: *verdict as i32,
    };
    Act::ConfirmShares(v1::ConfirmShares { checks: checks.iter().map(check).collect() })
}

pub fn claim(request: u64, accused: Who, kinds: &[PartKind], verdict: v1::ShareVerdict) -> Act {
    Act::Claim(v1::Claim {
        request_index: request,
        accused: accused.id.to_vec(),
        kinds: kinds.iter().map(|kind| *kind as i32).collect(),
        verdict: verdict as i32,
    })
}

pub fn start_drill() -> Act {
    Act::StartDrill(v1::StartDrill {})
}

pub fn confirm_access(request: u64, works: bool) -> Act {
    Act::ConfirmAccess(v1::ConfirmAccess { request_index: request, works })
}

pub fn give_back(request: u64) -> Act {
    Act::Return(v1::Return { request_index: request })
}

pub fn revoke(request: u64) -> Act {
    Act::Revoke(v1::Revoke { request_index: request, reason: blob("why it ends") })
}
