//! The split and what is built around it: exactly k shares give the key, k − 1 never do, and every way in which a
//! share can be bad is refused with the sender's or the dealer's name, while the other shares stay good.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, subsequence};

use sequestre::escrow::id::{BlobId, CredentialId, Digest, OrganisationId, PersonId};
use sequestre::escrow::part::{Deal, DealtGroup, LoggedShare, PartId, PartKind, VersionId};
use sequestre::escrow::quorum::{Group, Quorum, QuorumName};
use sequestre::seal::sealing::{PartValue, open_part, open_with, seal_part, seal_to};
use sequestre::seal::secret::Secret;
use sequestre::seal::sharing::{
    Accused, CombineError, DealError, Dealt, MasterKey, ShareClaim, ShareContext, ShareFault, combine, deal,
    sort_shares, verify_share,
};

/// One deposit: the key, its context, the split as sent and as logged.
struct Deposit {
    key: MasterKey,
    context: ShareContext,
    dealt: Dealt,
    deal: Deal,
}

fn person(group: usize, member: usize) -> PersonId {
    let mut id = [0x55; 32];
    // Scattered, so that members are not already in order.
    id[0] = (member as u8).wrapping_mul(89);
    id[1] = member as u8;
    id[2] = group as u8;
    PersonId::new(id)
}

/// A quorum of groups (k, n).
fn quorum(groups: &[(u32, usize)]) -> Quorum {
    named_quorum("everyday", groups)
}

fn named_quorum(name: &str, groups: &[(u32, usize)]) -> Quorum {
    let groups = groups
        .iter()
        .enumerate()
        .map(|(g, (k, n))| Group::new(*k, (0..*n).map(|m| person(g, m)).collect()).unwrap())
        .collect();
    Quorum::new(QuorumName::parse(name).unwrap(), groups).unwrap()
}

fn context_of(key: &MasterKey) -> ShareContext {
    let version = VersionId { credential: CredentialId::new([7; 16]), version: 3 };
    ShareContext {
        organisation: OrganisationId::new([1; 32]),
        part: PartId { version, kind: PartKind::Password },
        epoch: 0,
        master_key: *key.recipient(),
    }
}

fn logged(quorum: Quorum, dealt: &Dealt) -> Deal {
    let groups = dealt.groups.iter().map(|group| DealtGroup {
        outer: group.outer,
        shares: group
            .shares
            .iter()
            .map(|share| LoggedShare { digest: share.digest, sealed: BlobId::new([0; 32]) })
            .collect(),
    });
    Deal::new(quorum, groups.collect()).unwrap()
}

fn deposit(groups: &[(u32, usize)]) -> Deposit {
    let key = MasterKey::generate().unwrap();
    let context = context_of(&key);
    let quorum = quorum(groups);
    let dealt = deal(&key, &context, &quorum).unwrap();
    let deal = logged(quorum, &dealt);
    Deposit { key, context, dealt, deal }
}

impl Deposit {
    fn sent(&self, group: usize, member: usize) -> (PersonId, Secret) {
        let share = &self.dealt.groups[group].shares[member];
        (share.trustee, Secret::new(share.envelope.expose().to_vec()))
    }

    /// The shares of these members of each group, sorted by `sort_shares`, none of them bad.
    fn take(&self, members: &[Vec<usize>]) -> Vec<sequestre::seal::sharing::VerifiedShare> {
        let sent = members.iter().enumerate().flat_map(|(g, of)| of.iter().map(move |m| self.sent(g, *m)));
        let (good, claims) = sort_shares(sent.collect(), &self.context, &self.deal);
        assert_eq!(claims, []);
        good
    }

    fn combined(&self, members: &[Vec<usize>]) -> Result<MasterKey, CombineError> {
        combine(&self.take(members), &self.context, &self.deal)
    }

    /// A member's envelope with one piece of text replaced by another.
    fn edited(&self, group: usize, member: usize, from: &str, to: &str) -> Secret {
        let (_, envelope) = self.sent(group, member);
        let text = envelope.expose_str().unwrap();
        assert!(text.contains(from), "{from} is not in the envelope");
        Secret::from_string(text.replacen(from, to, 1))
    }

    /// The same deposit with another digest in the log for one share: what a dishonest dealer would have logged.
    fn with_digest(&self, group: usize, member: usize, digest: Digest) -> Deal {
        let mut groups = self.deal.groups().to_vec();
        groups[group].shares[member].digest = digest;
        Deal::new(self.deal.quorum().clone(), groups).unwrap()
    }
}

fn claim_of(result: Result<sequestre::seal::sharing::VerifiedShare, ShareClaim>) -> ShareClaim {
    result.expect_err("a bad share was accepted")
}

/// k, n and a random choice of exactly k of n members, in random order.
fn group_with_choice(most: usize) -> impl Strategy<Value = (u32, usize, Vec<usize>)> {
    (2..=most)
        .prop_flat_map(|n| (2..=n, Just(n)))
        .prop_flat_map(|(k, n)| (Just(k as u32), Just(n), subsequence((0..n).collect::<Vec<_>>(), k).prop_shuffle()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn exactly_k_shares_give_the_key_and_fewer_never((k, n, members) in group_with_choice(16)) {
        let deposit = deposit(&[(k, n)]);
        let key = deposit.combined(std::slice::from_ref(&members)).unwrap();
        prop_assert_eq!(key.recipient(), deposit.key.recipient());
        prop_assert!(key.to_age_text().matches(&deposit.key.to_age_text()));
        let fewer = members[1..].to_vec();
        let need = k as usize;
        prop_assert_eq!(
            deposit.combined(&[fewer]).unwrap_err(),
            CombineError::NotEnough { group: 0, have: need - 1, need }
        );
        prop_assert!(deposit.combined(&[(0..n).collect()]).is_ok());
    }

    #[test]
    fn every_group_must_reach_its_threshold(
        (k1, n1, first) in group_with_choice(8),
        (k2, n2, second) in group_with_choice(8),
    ) {
        let deposit = deposit(&[(k1, n1), (k2, n2)]);
        prop_assert!(deposit.dealt.groups.iter().all(|group| group.outer.is_some()));
        let key = deposit.combined(&[first.clone(), second.clone()]).unwrap();
        prop_assert_eq!(key.recipient(), deposit.key.recipient());
        let short = deposit.combined(&[first.clone(), second[1..].to_vec()]).unwrap_err();
        let (have, need) = (second.len() - 1, second.len());
        prop_assert_eq!(short, CombineError::NotEnough { group: 1, have, need });
        let one_group = deposit.combined(&[(0..n1).collect(), vec![]]).unwrap_err();
        prop_assert_eq!(one_group, CombineError::NotEnough { group: 1, have: 0, need });
    }

    /// Whatever bit of whatever share is flipped: its sender is named, and the others still give the key.
    #[test]
    fn a_flipped_bit_names_its_sender_and_costs_nobody_else(
        (k, n, members) in group_with_choice(8),
        culprit in any::<Index>(),
        bit in any::<Index>(),
    ) {
        let deposit = deposit(&[(k, n + 1)]);
        // One more than k, so that the key can still be had.
        let mut all = members;
        all.push(n);
        let culprit = culprit.index(all.len());
        let mut sent: Vec<_> = all.iter().map(|m| deposit.sent(0, *m)).collect();
        let mut bytes = sent[culprit].1.expose().to_vec();
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        sent[culprit].1 = Secret::new(bytes);
        let (good, claims) = sort_shares(sent, &deposit.context, &deposit.deal);
        prop_assert_eq!(claims.len(), 1);
        prop_assert_eq!(claims[0].accused(), Accused::Sender(person_at(&deposit, all[culprit])));
        prop_assert!(combine(&good, &deposit.context, &deposit.deal).is_ok());
    }

    #[test]
    fn no_bytes_are_a_share(bytes in vec(any::<u8>(), 0..600)) {
        let deposit = deposit(&[(2, 2)]);
        let (from, _) = deposit.sent(0, 0);
        let claim = claim_of(verify_share(Secret::new(bytes), from, &deposit.context, &deposit.deal));
        prop_assert_eq!(claim.fault, ShareFault::Unreadable);
        prop_assert_eq!(claim.accused(), Accused::Sender(from));
    }
}

fn person_at(deposit: &Deposit, member: usize) -> PersonId {
    deposit.dealt.groups[0].shares[member].trustee
}

/// The largest quorum of the acceptance test, all combinations at the edges.
#[test]
fn the_edges_of_k_and_n() {
    for (k, n) in [(2, 2), (2, 16), (15, 16), (16, 16), (2, 64), (64, 64)] {
        let deposit = deposit(&[(k, n)]);
        let last: Vec<usize> = (n - k as usize..n).collect();
        assert!(deposit.combined(std::slice::from_ref(&last)).is_ok(), "{k} of {n}");
        assert!(deposit.combined(&[last[1..].to_vec()]).is_err(), "{k} of {n}");
    }
    let many = deposit(&[(2, 2); 32]);
    assert!(many.combined(&vec![vec![0, 1]; 32]).is_ok());
}

/// k − 1 shares say nothing: with k − 1 of them fixed, the last one decides between keys, so that two splits of two
/// keys cannot be mixed either.
#[test]
fn shares_of_two_splits_do_not_mix() {
    let (a, b) = (deposit(&[(2, 3)]), deposit(&[(2, 3)]));
    let (from, foreign) = b.sent(0, 1);
    let claim = claim_of(verify_share(foreign, from, &a.context, &a.deal));
    assert_eq!((claim.fault, claim.accused()), (ShareFault::Field("master_key"), Accused::Sender(from)));
    // Verified where it belongs, it is still refused elsewhere.
    let mut shares = a.take(&[vec![0]]);
    shares.extend(b.take(&[vec![1]]));
    assert_eq!(combine(&shares, &a.context, &a.deal).unwrap_err(), CombineError::Elsewhere { from });
    // The same key dealt a second time is another split.
    let again = deal(&a.key, &a.context, a.deal.quorum()).unwrap();
    let (other, envelope) = (again.groups[0].shares[1].trustee, &again.groups[0].shares[1].envelope);
    let copy = Secret::new(envelope.expose().to_vec());
    let claim = claim_of(verify_share(copy, other, &a.context, &a.deal));
    assert_eq!((claim.fault, claim.as_dealt), (ShareFault::Altered, false));
}

/// Every field of the envelope, changed by the sender (the digest no longer fits) and by the dealer (it does).
#[test]
fn a_wrong_field_is_named_with_whoever_wrote_it() {
    let single = deposit(&[(2, 3)]);
    let double = deposit(&[(2, 3), (2, 2)]);
    let other_key = MasterKey::generate().unwrap();
    let key = |d: &Deposit| format!(r#""master_key":"{}""#, d.key.recipient().to_age());
    let other = format!(r#""master_key":"{}""#, other_key.recipient().to_age());
    let zero = "00".repeat(32);
    let cases: Vec<(&Deposit, &str, String, String)> = vec![
        (&single, "label", "sequestre/share/v1".into(), "sequestre/share/v2".into()),
        (&single, "organisation", "01".repeat(32), zero),
        (&single, "credential", "07".repeat(16), "08".repeat(16)),
        (&single, "version", r#""version":3"#.into(), r#""version":4"#.into()),
        (&single, "part", r#""part":"password""#.into(), r#""part":"notes""#.into()),
        (&single, "epoch", r#""epoch":0"#.into(), r#""epoch":1"#.into()),
        (&single, "master_key", key(&single), other),
        (&single, "quorum", r#""quorum":"everyday""#.into(), r#""quorum":"vital""#.into()),
        (&single, "group", r#""group":1"#.into(), r#""group":2"#.into()),
        (&single, "groups", r#""groups":1"#.into(), r#""groups":2"#.into()),
        (&single, "outer_k", r#""outer_k":0"#.into(), r#""outer_k":2"#.into()),
        (&single, "k", r#""k":2"#.into(), r#""k":3"#.into()),
        (&single, "n", r#""n":3"#.into(), r#""n":4"#.into()),
        (&single, "x", r#""x":2"#.into(), r#""x":3"#.into()),
        (&single, "x", r#""x":2"#.into(), r#""x":0"#.into()),
        (&single, "y", r#""y":""#.into(), r#""y":"00"#.into()),
        (&double, "group", r#""group":1"#.into(), r#""group":2"#.into()),
        (&double, "outer_k", r#""outer_k":2"#.into(), r#""outer_k":1"#.into()),
        (&double, "outer_x", r#""outer_x":1"#.into(), r#""outer_x":2"#.into()),
        (&double, "outer_x", r#""outer_x":1"#.into(), r#""outer_x":0"#.into()),
    ];
    for (deposit, field, from, to) in cases {
        let (sender, _) = deposit.sent(0, 1);
        let by_sender = deposit.edited(0, 1, &from, &to);
        let digest = Digest::of(&[by_sender.expose()]);
        let claim = claim_of(verify_share(by_sender, sender, &deposit.context, &deposit.deal));
        assert_eq!(claim.fault, ShareFault::Field(field), "{from} → {to}");
        assert_eq!(claim.accused(), Accused::Sender(sender));
        assert!(claim.to_string().contains(&sender.to_string()));

        let by_dealer = deposit.edited(0, 1, &from, &to);
        let relogged = deposit.with_digest(0, 1, digest);
        let claim = claim_of(verify_share(by_dealer, sender, &deposit.context, &relogged));
        assert_eq!((claim.fault, claim.accused()), (ShareFault::Field(field), Accused::Dealer), "{from} → {to}");
    }
}

/// The same content spelt otherwise is not the same share, even where the dealer logged that spelling.
#[test]
fn an_envelope_has_one_spelling() {
    let deposit = deposit(&[(2, 2)]);
    let (sender, good) = deposit.sent(0, 0);
    let text = good.expose_str().unwrap().to_owned();
    let y = text.split(r#""y":""#).nth(1).unwrap().trim_end_matches("\"}");
    let spellings = [
        format!("{text}\n"),
        text.replacen(':', ": ", 1),
        text.replacen(r#""k":2,"n":2"#, r#""n":2,"k":2"#, 1),
        text.replacen("password", "pass\\u0077ord", 1),
        text.replacen('{', r#"{"extra":1,"#, 1),
        text.replacen(r#""k":2"#, r#""k":2,"k":2"#, 1),
        text.replacen(y, &y.to_uppercase(), 1),
    ];
    for spelling in spellings {
        assert_ne!(spelling, text);
        let relogged = deposit.with_digest(0, 0, Digest::of(&[spelling.as_bytes()]));
        let claim = claim_of(verify_share(Secret::from_string(spelling), sender, &deposit.context, &relogged));
        assert_eq!((claim.fault, claim.accused()), (ShareFault::Unreadable, Accused::Dealer));
    }
    let not_hex = text.replacen(y, &"zz".repeat(32), 1);
    let claim = claim_of(verify_share(Secret::from_string(not_hex), sender, &deposit.context, &deposit.deal));
    assert_eq!(claim.fault, ShareFault::Field("y"));
}

/// What the verifier expects, rather than what was sent, belongs to another version, epoch, quorum or organisation.
#[test]
fn a_share_is_refused_wherever_it_does_not_belong() {
    let deposit = deposit(&[(2, 3)]);
    let (from, _) = deposit.sent(0, 0);
    let refused = |change: fn(&mut ShareContext), field| {
        let mut context = deposit.context;
        change(&mut context);
        let claim = claim_of(verify_share(deposit.sent(0, 0).1, from, &context, &deposit.deal));
        assert_eq!(claim.fault, ShareFault::Field(field));
        let good = deposit.take(&[vec![0, 1]]);
        assert_eq!(combine(&good, &context, &deposit.deal).unwrap_err(), CombineError::Elsewhere { from });
    };
    refused(|c| c.organisation = OrganisationId::new([2; 32]), "organisation");
    refused(|c| c.part.version.credential = CredentialId::new([9; 16]), "credential");
    refused(|c| c.part.version.version = 4, "version");
    refused(|c| c.part.kind = PartKind::TotpSecret, "part");
    refused(|c| c.epoch = 1, "epoch");

    for (other, field) in [
        (named_quorum("vital", &[(2, 3)]), "quorum"),
        (quorum(&[(3, 3)]), "k"),
        (quorum(&[(2, 4)]), "n"),
        (quorum(&[(2, 3), (2, 2)]), "groups"),
    ] {
        let dealt = deal(&deposit.key, &deposit.context, &other).unwrap();
        let other = logged(other, &dealt);
        let claim = claim_of(verify_share(deposit.sent(0, 0).1, from, &deposit.context, &other));
        assert_eq!(claim.fault, ShareFault::Field(field));
    }
    let outsider = PersonId::new([0xee; 32]);
    let claim = claim_of(verify_share(deposit.sent(0, 0).1, outsider, &deposit.context, &deposit.deal));
    assert_eq!((claim.fault, claim.accused()), (ShareFault::NotDealt, Accused::Sender(outsider)));
}

#[test]
fn somebody_elses_share_and_a_second_one_are_refused_and_the_others_kept() {
    let deposit = deposit(&[(3, 5)]);
    let (a, b, c, d) = (deposit.sent(0, 0), deposit.sent(0, 1), deposit.sent(0, 2), deposit.sent(0, 3));
    let (thief, twice) = (d.0, b.0);
    // d hands in what c holds; b hands in theirs twice.
    let stolen = (thief, deposit.sent(0, 2).1);
    let sent = vec![a, b, stolen, deposit.sent(0, 1), c];
    let (good, claims) = sort_shares(sent, &deposit.context, &deposit.deal);
    assert_eq!(good.len(), 3);
    let claimed: Vec<_> = claims.iter().map(|claim| (claim.from, claim.fault, claim.accused())).collect();
    assert_eq!(
        claimed,
        [
            (thief, ShareFault::Field("x"), Accused::Sender(thief)),
            (twice, ShareFault::Duplicate, Accused::Sender(twice)),
        ]
    );
    assert!(combine(&good, &deposit.context, &deposit.deal).is_ok());
    // A bad one first does not block the good one that follows.
    let bad = (thief, Secret::new(vec![]));
    let (good, claims) = sort_shares(vec![bad, deposit.sent(0, 3)], &deposit.context, &deposit.deal);
    assert_eq!((good.len(), claims.len()), (1, 1));

    let mut double = deposit.take(&[vec![0, 1]]);
    double.extend(deposit.take(&[vec![1, 2]]));
    let error = combine(&double, &deposit.context, &deposit.deal).unwrap_err();
    assert_eq!(error, CombineError::Duplicate { from: twice });
}

/// A dealer who splits another key, or logs an outer share that is not the one split, is named: all digests match.
#[test]
fn a_dishonest_dealer_is_named() {
    let (honest, other) = (deposit(&[(2, 2)]), MasterKey::generate().unwrap());
    assert_eq!(deal(&other, &honest.context, honest.deal.quorum()).err(), Some(DealError::WrongKey));

    // Shares of another key in envelopes that name the logged one, with digests to match.
    let mut false_context = honest.context;
    false_context.master_key = *other.recipient();
    let dealt = deal(&other, &false_context, honest.deal.quorum()).unwrap();
    let (real, wrong) = (honest.key.recipient().to_age(), other.recipient().to_age());
    let envelopes: Vec<(PersonId, String)> = dealt.groups[0]
        .shares
        .iter()
        .map(|share| (share.trustee, share.envelope.expose_str().unwrap().replace(&wrong, &real)))
        .collect();
    let shares = envelopes
        .iter()
        .map(|(_, text)| LoggedShare { digest: Digest::of(&[text.as_bytes()]), sealed: BlobId::new([0; 32]) })
        .collect();
    let deal = Deal::new(honest.deal.quorum().clone(), vec![DealtGroup { outer: None, shares }]).unwrap();
    let sent = envelopes.into_iter().map(|(from, text)| (from, Secret::from_string(text))).collect();
    let (good, claims) = sort_shares(sent, &honest.context, &deal);
    assert_eq!(claims, []);
    assert_eq!(combine(&good, &honest.context, &deal).unwrap_err(), CombineError::Dealer);

    let double = deposit(&[(2, 2), (2, 2)]);
    let mut groups = double.deal.groups().to_vec();
    groups[1].outer = groups[0].outer;
    let lied = Deal::new(double.deal.quorum().clone(), groups).unwrap();
    let good = double.take(&[vec![0, 1], vec![0, 1]]);
    assert_eq!(combine(&good, &double.context, &lied).unwrap_err(), CombineError::Dealer);
}

/// From the trustee's sealed share to the value: approve (open, verify, seal again), collect, combine, open.
#[test]
fn the_whole_way_from_deposit_to_value() {
    let deposit = deposit(&[(2, 3)]);
    let part = deposit.context.part_context();
    let value = PartValue { user_name: None, value: Secret::from_string("correct horse".into()) };
    let sealed_part = seal_part(deposit.key.recipient(), &part, &value).unwrap();

    let requester = MasterKey::generate().unwrap();
    let released = [0, 2].map(|member| {
        let trustee = MasterKey::generate().unwrap();
        let (from, envelope) = deposit.sent(0, member);
        let at_home = seal_to(trustee.recipient(), envelope.expose()).unwrap();
        let opened = open_with(trustee.age(), &at_home).unwrap();
        let own = verify_share(opened, from, &deposit.context, &deposit.deal).unwrap();
        assert_eq!(own.digest(), Digest::of(&[own.envelope().expose()]));
        (from, seal_to(requester.recipient(), own.envelope().expose()).unwrap())
    });
    let sent = released.map(|(from, sealed)| (from, open_with(requester.age(), &sealed).unwrap()));
    let (good, claims) = sort_shares(sent.into(), &deposit.context, &deposit.deal);
    assert_eq!(claims, []);
    let key = combine(&good, &deposit.context, &deposit.deal).unwrap();
    let opened = open_part(&key, &part, &sealed_part).unwrap();
    assert_eq!(opened.value.expose_str(), Some("correct horse"));
    // Without this program: the key in age's own form opens the part.
    let text = key.to_age_text();
    let identity: age::x25519::Identity = text.expose_str().unwrap().parse().unwrap();
    assert!(String::from_utf8(age::decrypt(&identity, &sealed_part).unwrap()).unwrap().contains("correct horse"));
}
