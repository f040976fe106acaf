//! Which random steps there are, and how often each is tried.

use proptest::prelude::*;

use crate::steps::{LONGEST, PEOPLE};

/// What can be wrong with an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    Nothing,
    Leaf,
    Recipient,
    Expiry,
    Shape,
}

/// One thing that somebody tries. Numbers pick, modulo what there is.
#[derive(Debug, Clone)]
pub enum Step {
    Deposit {
        who: usize,
        account: u8,
        ahead: u32,
        carry: u8,
        lag: u64,
    },
    Request {
        who: usize,
        account: u8,
        parts: u8,
        duration: u64,
        life: u64,
        lie: bool,
    },
    Approve {
        who: usize,
        pick: usize,
        lag: u64,
        wrong: Wrong,
    },
    Deny {
        who: usize,
        pick: usize,
    },
    Return {
        who: usize,
        pick: usize,
    },
    Revoke {
        who: usize,
        pick: usize,
    },
    Collect {
        pick: usize,
    },
    ExpireRequest {
        pick: usize,
    },
    ExpireLease {
        pick: usize,
    },
    Timers,
    Wait {
        seconds: u64,
    },
    Leave {
        who: usize,
    },
    Propose {
        who: usize,
        without: usize,
    },
    Sign {
        who: usize,
        pick: usize,
        lag: u64,
    },
    Amend {
        without: usize,
        signers: u8,
    },
    Ask {
        who: usize,
        account: u8,
        approvers: u8,
    },
    Confirm {
        who: usize,
        pick: usize,
        lag: u64,
    },
    Veto {
        who: usize,
        pick: usize,
    },
    /// Somebody who is a member besides loses the office and gets it back: that takes two agreements.
    Back {
        without: usize,
    },
    /// A week later, some people confirm what was agreed last.
    Later {
        signers: u8,
    },
    Again {
        pick: usize,
    },
    Answer {
        who: usize,
        starter: usize,
        recovery: u8,
        account: u8,
        parts: u8,
        lag: u64,
        late: u64,
    },
}

pub fn step() -> impl Strategy<Value = Step> {
    let who = 0..PEOPLE.len();
    let asker = prop_oneof![3 => Just(7usize), 2 => Just(8), 4 => 0..5usize, 1 => 0..PEOPLE.len()];
    let trustee = prop_oneof![6 => 0..5usize, 1 => 0..PEOPLE.len()];
    let answerer = prop_oneof![9 => 0..5usize, 1 => 0..PEOPLE.len()];
    let starter = prop_oneof![6 => Just(0usize), 3 => Just(7), 1 => 0..PEOPLE.len()];
    let lag = prop_oneof![6 => Just(0u64), 1 => 1..6u64];
    let pick = prop_oneof![3 => Just(0usize), 1 => 0..8usize];
    let account = 0..3u8;
    let duration = prop_oneof![
        8 => prop::sample::select(vec![60, 3_600, 86_400, LONGEST.0]), 1 => Just(59), 1 => Just(LONGEST.0 + 1)
    ];
    let life =
        prop_oneof![8 => prop::sample::select(vec![1, 3_600, 259_200, 604_800]), 1 => Just(0), 1 => Just(604_801u64)];
    let wrong = prop_oneof![
        12 => Just(Wrong::Nothing), 1 => Just(Wrong::Leaf), 1 => Just(Wrong::Recipient),
        1 => Just(Wrong::Expiry), 1 => Just(Wrong::Shape)
    ];
    let seconds = prop::sample::select(vec![1, 59, 60, 3_599, 3_600, 3_600, 86_400, 86_400, 259_200, 31 * 86_400]);
    prop_oneof![
        5 => (asker.clone(), prop_oneof![0..3u8, Just(2)], 0..12u32, 0..8u8, lag.clone()).prop_map(
            |(who, account, ahead, carry, lag)| {
                // Mostly the next version.
                let ahead = ahead.saturating_sub(9);
                Step::Deposit { who, account, ahead, carry, lag }
            }
        ),
        8 => (asker.clone(), account, any::<u8>()).prop_map(|(who, account, approvers)| {
            Step::Ask { who, account, approvers }
        }),
        6 => (asker.clone(), 0..3u8, 0..4u8, duration, life, 0..10u8).prop_map(
            |(who, account, parts, duration, life, lie)| {
                Step::Request { who, account, parts, duration, life, lie: lie == 0 }
            }
        ),
        20 => (trustee.clone(), pick.clone(), lag.clone(), wrong)
            .prop_map(|(who, pick, lag, wrong)| Step::Approve { who, pick, lag, wrong }),
        2 => (trustee.clone(), pick.clone()).prop_map(|(who, pick)| Step::Deny { who, pick }),
        3 => (who.clone(), pick.clone()).prop_map(|(who, pick)| Step::Return { who, pick }),
        2 => (trustee.clone(), pick.clone()).prop_map(|(who, pick)| Step::Revoke { who, pick }),
        5 => pick.clone().prop_map(|pick| Step::Collect { pick }),
        1 => pick.clone().prop_map(|pick| Step::ExpireRequest { pick }),
        1 => pick.clone().prop_map(|pick| Step::ExpireLease { pick }),
        3 => Just(Step::Timers),
        5 => seconds.prop_map(|seconds| Step::Wait { seconds }),
        1 => prop_oneof![who, 7..9usize].prop_map(|who| Step::Leave { who }),
        1 => (trustee.clone(), 0..7usize).prop_map(|(who, without)| Step::Propose { who, without }),
        3 => (trustee.clone(), pick.clone(), lag.clone()).prop_map(|(who, pick, lag)| Step::Sign { who, pick, lag }),
        2 => (trustee.clone(), pick.clone(), lag).prop_map(|(who, pick, lag)| Step::Confirm { who, pick, lag }),
        1 => (trustee, pick.clone()).prop_map(|(who, pick)| Step::Veto { who, pick }),
        1 => any::<u8>().prop_map(|signers| Step::Later { signers }),
        1 => (0..3usize).prop_map(|n| Step::Back { without: 2 * n }),
        1 => (0..7usize, any::<u8>()).prop_map(|(without, signers)| Step::Amend { without, signers }),
        1 => pick.prop_map(|pick| Step::Again { pick }),
        5 => (answerer, starter, 0..2u8, 0..3u8, 0..4u8, 0..3u64, prop::sample::select(vec![0, 86_400 * 40]))
            .prop_map(|(who, starter, recovery, account, parts, lag, late)| {
                Step::Answer { who, starter, recovery, account, parts, lag, late }
            }),
    ]
}
