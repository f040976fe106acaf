//! Accounts that have a connector, and what people and the daemon do with them.

use sequestre::escrow::delegation::wrapping_key_preimage;
use sequestre::escrow::entry::DaemonAct;
use sequestre::escrow::key::RecipientKey;
use sequestre::escrow::part::{PartId, PartKind};
use sequestre::escrow::refusal::Refusal;
use sequestre::escrow::request::Request;
use sequestre::escrow::role::Role;
use sequestre::escrow::rotation::Staged;
use sequestre::escrow::time::Seconds;
use sequestre::escrow::window::{UnsealFiled, opening_key_preimage};

use super::*;

fn key(key: &v1::Recipient) -> RecipientKey {
    RecipientKey::parse(key.algorithm, &key.key).unwrap()
}

/// The standard charter, but any two trustees sign leases that a connector makes, and one member need not ask for them.
pub fn unasked_charter() -> v1::Charter {
    let mut charter = standard_charter();
    for vault in &mut charter.vaults {
        vault.leases_signed_by = vec!["everyday".to_owned()];
        vault.unasked = Some(v1::Who { roles: vec![], persons: ids(&[OTHER_MEMBER]) });
    }
    charter
}

impl World {
    /// The organisation of [`unasked_charter`], with the people of [`World::founded`].
    pub fn with_unasked() -> Self {
        static FOUNDED: LazyLock<World> = LazyLock::new(|| {
            let mut roll: Vec<(Who, Vec<Role>)> = TRUSTEES.iter().map(|who| (*who, vec![Role::Trustee])).collect();
            roll.push((MEDIATOR, vec![Role::Mediator]));
            roll.push((TECHNICIAN, vec![Role::Technician]));
            roll.push((MEMBER, vec![Role::Member]));
            roll.push((OTHER_MEMBER, vec![Role::Member]));
            World::found_with(unasked_charter(), &roll)
        });
        FOUNDED.clone()
    }

    pub fn asked(&self, request: u64) -> &Request {
        self.state().request(request).expect("a request")
    }

    /// An account in vault `web` whose password a connector uses.
    pub fn connected(&mut self, who: Who, n: u8, kinds: &[PartKind]) -> u64 {
        let deposit = self.deposit_of(n, 1, "web", kinds);
        let connector = blob(&format!("connector {n}"));
        self.ok(who, Act::Deposit(v1::Deposit { connector, ..deposit }))
    }

    /// The log key's word for a key of the daemon's memory.
    pub fn vouch(&self, recipient: &v1::Recipient) -> v1::Signature {
        let current = [&LOG_KEY, &NEW_LOG_KEY].into_iter().find(|pair| public(pair) == *self.state().log_key());
        sign_with(current.unwrap(), &opening_key_preimage(&self.id(), &key(recipient))).into()
    }

    /// A part, asked for with a key of the daemon.
    pub fn to_daemon(&self, part: PartId) -> v1::RequestedPart {
        let to = recipient(&format!("daemon {part:?} {}", self.entries.len()));
        v1::RequestedPart {
            credential: part.version.credential.to_vec(),
            version: part.version.version,
            kind: part.kind as i32,
            vouched: Some(self.vouch(&to)),
            recipient: Some(to),
        }
    }

    /// Eight hours for what the connector needs.
    pub fn unseal_of(&self, n: u8) -> v1::Request {
        let parts = self.state().window_parts(&credential(n));
        v1::Request {
            parts: parts.into_iter().map(|part| self.to_daemon(part)).collect(),
            purpose: v1::Purpose::Unseal as i32,
            reason: blob("why it is opened"),
            duration: 8 * 3_600,
            expires: self.now.after(Seconds::DAY).0,
            ..Default::default()
        }
    }

    /// A request to open an account to the daemon that two trustees approved.
    pub fn let_unseal(&mut self, who: Who, n: u8) -> u64 {
        let request = self.unseal_of(n);
        let request = self.ok(who, Act::Request(request));
        for approver in [TRUSTEES[0], TRUSTEES[1]] {
            self.ok(approver, self.approve(approver, request));
        }
        request
    }

    /// The same, opened.
    pub fn let_open(&mut self, who: Who, n: u8) -> u64 {
        let request = self.let_unseal(who, n);
        self.daemon(DaemonAct::Collected(request)).unwrap();
        request
    }

    /// An hour of a lease that the connector makes.
    pub fn mint_of(&self, who: Who, n: u8) -> v1::Request {
        let part = self.state().current_part(&credential(n), PartKind::Password).unwrap();
        v1::Request {
            parts: vec![v1::RequestedPart {
                recipient: Some(recipient(&format!("mint {who:?} {}", self.entries.len()))),
                vouched: None,
                ..self.to_daemon(part)
            }],
            purpose: v1::Purpose::Mint as i32,
            reason: blob("why it is made"),
            duration: 3_600,
            expires: self.now.after(Seconds::DAY).0,
            input: blob("a public key"),
            ..Default::default()
        }
    }

    /// A request for one that two trustees signed.
    pub fn let_sign(&mut self, who: Who, n: u8) -> u64 {
        let request = self.mint_of(who, n);
        let request = self.ok(who, Act::Request(request));
        for approver in [TRUSTEES[2], TRUSTEES[3]] {
            self.ok(approver, self.sign_lease(approver, request));
        }
        request
    }

    /// An approval that releases nothing.
    pub fn sign_lease(&self, who: Who, request: u64) -> Act {
        Act::Approve(v1::Approve { released: vec![], ..self.approval_of(who, request) })
    }

    /// The daemon begins to make a lease, as long as it can.
    pub fn start(&mut self, request: u64) -> Result<u64, Refusal> {
        let until = self.state().mint_until(request, self.now)?;
        self.daemon(DaemonAct::MintStarted { request, until })
    }

    pub fn minted(&mut self, request: u64) -> Result<u64, Refusal> {
        let sealed = BlobId::parse(&blob(&format!("made for {request}"))).unwrap();
        self.daemon(DaemonAct::Minted { request, sealed })
    }

    /// A member's lease that runs at the target of an open account.
    pub fn let_mint(&mut self, who: Who, n: u8) -> u64 {
        let request = self.let_sign(who, n);
        self.start(request).unwrap();
        self.minted(request).unwrap();
        request
    }

    /// What the daemon asks for by itself.
    pub fn filing(&self, n: u8, because: u64, duration: Seconds) -> DaemonAct {
        let parts = self.state().window_parts(&credential(n));
        let filed = v1::UnsealFiled {
            request_index: because,
            parts: parts.into_iter().map(|part| self.to_daemon(part)).collect(),
            duration: duration.0,
            expires: self.now.after(Seconds::DAY).0,
        };
        DaemonAct::UnsealFiled(UnsealFiled::parse(filed).unwrap())
    }

    /// The daemon's next version of an account.
    pub fn staging(&self, n: u8, rotation: u64) -> v1::Staged {
        let account = self.state().credential(&credential(n)).unwrap();
        let (current, version) = account.current().unwrap();
        let parts = self.deposit_of(n, current + 1, "web", &[PartKind::Password]).parts;
        let others = version.kinds().into_iter().filter(|kind| *kind != PartKind::Password);
        let carried = others
            .map(|kind| v1::CarriedPart {
                kind: kind as i32,
                version: self.state().current_part(&credential(n), kind).unwrap().version.version,
            })
            .collect();
        v1::Staged {
            rotation_index: rotation,
            credential: credential(n).to_vec(),
            version: current + 1,
            parts,
            carried,
        }
    }

    pub fn stage(&mut self, staged: v1::Staged) -> Result<u64, Refusal> {
        self.daemon(DaemonAct::Staged(Box::new(Staged::parse(staged).unwrap())))
    }

    /// A standing right of `to` for an account: five leases in thirty days.
    pub fn delegation_of(&self, who: Who, to: Who, n: u8) -> v1::Request {
        let current = self.state().credential(&credential(n)).unwrap().current().unwrap().1;
        let request = match current.connector {
            Some(_) => v1::Request { input: vec![], ..self.mint_of(who, n) },
            None => self.request_of(who, n),
        };
        v1::Request {
            purpose: v1::Purpose::Delegation as i32,
            standing: Some(v1::Standing {
                to: to.id.to_vec(),
                until: self.now.after(Seconds(30 * 86_400)).0,
                uses: 5,
            }),
            ..request
        }
    }

    /// What the requester's client wraps.
    pub fn wrapping(&self, request: u64) -> v1::Delegate {
        let daemon = recipient("the daemon's wrapping key");
        let current = [&LOG_KEY, &NEW_LOG_KEY].into_iter().find(|pair| public(pair) == *self.state().log_key());
        let vouched = sign_with(current.unwrap(), &wrapping_key_preimage(&self.id(), &key(&daemon)));
        let mut wrapped: Vec<v1::Wrapped> = self
            .asked(request)
            .parts
            .iter()
            .map(|asked| v1::Wrapped {
                kind: asked.part.kind as i32,
                sealed: blob(&format!("wrapped {request} {:?}", asked.part)),
            })
            .collect();
        wrapped.sort_by_key(|wrapped| wrapped.kind);
        v1::Delegate { request_index: request, wrapped, daemon: Some(daemon), vouched: Some(vouched.into()) }
    }

    /// A delegation in force.
    pub fn let_delegate(&mut self, who: Who, to: Who, n: u8) -> u64 {
        let request = self.delegation_of(who, to, n);
        let request = self.ok(who, Act::Request(request));
        let signs = self.asked(request).signs_only();
        for approver in [TRUSTEES[4], TRUSTEES[5]] {
            let act = if signs { self.sign_lease(approver, request) } else { self.approve(approver, request) };
            self.ok(approver, act);
        }
        if !signs {
            self.daemon(DaemonAct::Collected(request)).unwrap();
            let wrapping = self.wrapping(request);
            self.ok(who, Act::Delegate(wrapping));
        }
        request
    }

    /// A lease of half an hour by a delegation.
    pub fn take_of(&self, delegation: u64) -> v1::Take {
        let known = self.state().delegation(delegation);
        let connected = known.is_some_and(|delegation| delegation.connector.is_some());
        v1::Take {
            delegation_index: delegation,
            reason: blob("why it is taken"),
            duration: 1_800,
            recipient: connected.then(|| recipient(&format!("take {}", self.entries.len()))),
            input: vec![],
        }
    }

    pub fn take(&self, delegation: u64) -> Act {
        Act::Take(self.take_of(delegation))
    }
}

pub fn seal() -> Act {
    Act::Seal(v1::Seal { reason: blob("why it is closed") })
}

pub fn rotate(n: u8, version: u32) -> Act {
    Act::Rotate(v1::Rotate { credential: credential(n).to_vec(), version })
}

pub fn end_delegation(delegation: u64) -> Act {
    Act::EndDelegation(v1::EndDelegation { delegation_index: delegation, reason: blob("why it ends") })
}
