//! The pure rules: what an organisation's log may contain, and what it amounts to.
//!
//! No input, output, clock or randomness: time and roots are arguments, effects are values. The same code decides in
//! the daemon, shows the inbox in the client and judges in the verifier, so that none of them has to believe another.
//!
//! | question | module |
//! |---|---|
//! | How do bytes become something that is known to be signed? | [`wire`], [`act`], [`command`], [`entry`] |
//! | Who is who, and with which keys? | [`id`], [`key`], [`role`], [`people`] |
//! | Who must agree? | [`quorum`], [`charter`], [`proposal`] |
//! | How is something destroyed, and what protects from it? | [`brake`], [`destruction`] |
//! | What lies in escrow, and who knows it? | [`part`], [`credential`] |
//! | How does temporary access begin and end? | [`request`], `approval`, [`stopping`], [`claim`] |
//! | What is open to the daemon, and what may it do with it? | [`window`], [`made`], [`rotation`], [`work`] |
//! | Who may take leases without asking each time? | [`delegation`] |
//! | What was opened without the server? | [`recovery`] |
//! | When are shares that came to nothing enough together? | `sum` |
//! | Do the shares and the accounts still work? | [`drill`] |
//! | How does the log go on at another server? | [`moving`] |
//! | What is allowed now, and what follows? | [`organisation`], [`refusal`] |
//! | Does this log hold? | [`replay`], [`log`] |
//! | Who has seen it, and can it still be lost? | [`witness`] |
//! | What may a text contain? | [`text`] |

pub mod act;
mod approval;
pub mod brake;
pub mod charter;
pub mod claim;
pub mod command;
pub mod credential;
pub mod delegation;
pub mod deposit;
pub mod destruction;
pub mod drill;
pub mod effect;
pub mod entry;
pub mod id;
pub mod key;
mod limits;
pub mod log;
pub mod made;
pub mod moving;
pub mod organisation;
pub mod part;
mod pending;
pub mod people;
pub mod proposal;
pub mod quorum;
pub mod recovery;
pub mod refusal;
pub mod replay;
pub mod request;
pub mod role;
pub mod rotation;
pub mod stopping;
mod sum;
pub mod text;
pub mod time;
pub mod window;
pub mod wire;
pub mod witness;
pub mod work;
