//! `sequestre`: the client's arguments, and nothing else.
//!
//! Exit codes: 0 done; 1 something on this computer is missing or unusable; 2 the command line makes no sense;
//! 3 the rules refuse; 4 the server cannot be reached; 5 the server is not to be trusted, stop; 6 a question was not
//! answered.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use sequestre::client::delegation::{self, DelegateArgs};
use sequestre::client::deposit::{self, Connecting, Deposit, Reach};
use sequestre::client::destroy::{self, Target};
use sequestre::client::drill::{self, DrillVerb};
use sequestre::client::failure::{Exit, Failure};
use sequestre::client::found::{self, Plan, Planned};
use sequestre::client::home::Home;
use sequestre::client::kit::{self, KitArgs};
use sequestre::client::moving::{self, MoveVerb};
use sequestre::client::opening::{self, SshVerb};
use sequestre::client::out::Out;
use sequestre::client::recover::{self, command::RecoverVerb};
use sequestre::client::request::command::{RequestArgs, part_kind};
use sequestre::client::request::{self, REQUEST_LIFE, Reveal};
use sequestre::client::say::{Say, length};
use sequestre::client::session::{self, Env};
use sequestre::client::unlock::{self, Unlock};
use sequestre::client::{amend, audit, consent, exposure, join, status, watching};
use sequestre::escrow::role::Role;
use sequestre::escrow::time::Time;
use sequestre::seal::identity::WorkFactor;

/// What `deposit --without` can name besides parts.
const CONNECTOR: &str = "connector";
const EXCLUSIVE: &str = "exclusive";

#[derive(Parser)]
#[command(name = "sequestre", version, disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Args)]
struct Common {
    #[arg(long, global = true, env = "SEQUESTRE_HOME", value_name = "DIR")]
    home: Option<PathBuf>,
    #[arg(long, global = true, value_name = "ID")]
    org: Option<String>,
    #[arg(long, global = true, value_name = "en|fr")]
    lang: Option<String>,
    #[arg(long, global = true)]
    json: bool,
    #[arg(long, global = true, env = "SEQUESTRE_PASSPHRASE_FILE", value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    #[arg(long, global = true)]
    yes: bool,
    #[arg(long, global = true)]
    accept_unwitnessed: bool,
}

#[derive(Subcommand)]
enum Verb {
    #[cfg(feature = "daemon")]
    Demo {
        #[arg(long, value_name = "DIR")]
        keep: Option<PathBuf>,
    },
    Found {
        #[arg(long)]
        name: String,
        #[arg(long)]
        me: String,
        #[arg(long, value_name = "NAME")]
        trustee: Vec<String>,
        #[arg(long, value_name = "NAME")]
        mediator: Vec<String>,
        #[arg(long, value_name = "NAME")]
        technician: Vec<String>,
        #[arg(long, value_name = "NAME")]
        member: Vec<String>,
        #[arg(long, value_name = "NAME=K")]
        quorum: Vec<String>,
        #[arg(long, value_name = "NAME=QUORUM")]
        vault: Vec<String>,
        #[arg(long, value_name = "QUORUM", default_value = "", hide_default_value = true)]
        admission: String,
        #[arg(long, value_name = "7d")]
        destroy_delay: Option<String>,
        #[arg(long, value_name = "FILE")]
        code_file: Option<PathBuf>,
        #[arg(long, value_name = "DIR", default_value = "invitations")]
        invitations: PathBuf,
        #[arg(long, value_name = "FILE")]
        words_file: Option<PathBuf>,
    },
    Invite {
        name: String,
        #[arg(long = "as", value_name = "ROLE", required = true)]
        roles: Vec<String>,
        #[arg(long, value_name = "DIR", default_value = "invitations")]
        invitations: PathBuf,
    },
    Join {
        #[arg(value_name = "FILE")]
        invitation: Option<PathBuf>,
        #[arg(long, value_name = "FILE")]
        words_file: Option<PathBuf>,
        #[arg(long)]
        begin_anew: bool,
        #[arg(long, value_name = "CODE", requires = "begin_anew")]
        charter_code: Option<String>,
    },
    Admit {
        name: String,
    },
    Remove {
        name: String,
        #[arg(long)]
        reason: String,
    },
    Leave,
    Inbox,
    Approve {
        id: u64,
    },
    Deny {
        id: u64,
        #[arg(long)]
        reason: String,
    },
    Deposit {
        label: String,
        #[arg(long)]
        vault: Option<String>,
        #[arg(long)]
        new_version: bool,
        #[arg(long, value_name = "PART")]
        without: Vec<String>,
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
        #[arg(long, value_name = "FILE")]
        connector: Option<PathBuf>,
        #[arg(long)]
        exclusive: bool,
        #[arg(long)]
        keep_delegations: bool,
    },
    Credentials {
        label: Option<String>,
    },
    Request(RequestArgs),
    Leases {
        #[arg(long)]
        all: bool,
    },
    Show {
        id: u64,
        #[arg(long, value_name = "PART", num_args = 0..=1, default_missing_value = "password")]
        copy: Option<String>,
        #[arg(long, conflicts_with = "copy")]
        codes: bool,
    },
    Return {
        id: u64,
    },
    Revoke {
        id: u64,
        #[arg(long)]
        reason: String,
    },
    Unseal {
        #[arg(value_name = "LABEL", required = true)]
        labels: Vec<String>,
        #[arg(long = "for", value_name = "8h")]
        duration: String,
        #[arg(long)]
        reason: String,
        #[arg(long, value_name = "72h")]
        open_for: Option<String>,
    },
    Seal {
        #[arg(long)]
        reason: String,
    },
    Verify {
        label: String,
    },
    Rotate {
        label: String,
    },
    Delegate(DelegateArgs),
    Delegations {
        #[arg(long)]
        all: bool,
    },
    Ssh {
        #[command(subcommand)]
        verb: SshVerb,
    },
    Exposure {
        label: Option<String>,
        #[arg(long, value_name = "NAME")]
        person: Option<String>,
    },
    #[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    Destroy {
        #[arg(required_unless_present_any = ["organisation", "text"], conflicts_with_all = ["organisation", "text"])]
        label: Option<String>,
        #[arg(long, value_name = "N", conflicts_with_all = ["organisation", "text"], value_parser = clap::value_parser!(u32).range(1..))]
        version: Option<u32>,
        #[arg(long, conflicts_with = "text")]
        organisation: bool,
        #[arg(long, value_name = "ID")]
        text: Option<String>,
        #[arg(long, required = true)]
        reason: Option<String>,
        #[command(subcommand)]
        verb: Option<DestroyVerb>,
    },
    People,
    Charter {
        #[command(subcommand)]
        verb: Option<CharterVerb>,
    },
    Status,
    Sync {
        #[arg(long)]
        watch: bool,
    },
    Device {
        #[command(subcommand)]
        verb: Option<DeviceVerb>,
    },
    RestoreIdentity {
        #[arg(long, value_name = "FILE")]
        words_file: Option<PathBuf>,
        #[arg(long, value_name = "FILE")]
        card_file: Option<PathBuf>,
        #[arg(long)]
        begin_anew: bool,
        #[arg(long, value_name = "CODE", requires = "begin_anew")]
        charter_code: Option<String>,
    },
    Card,
    Recover {
        #[command(subcommand)]
        verb: RecoverVerb,
    },
    Move {
        #[command(subcommand)]
        verb: MoveVerb,
    },
    Kit(KitArgs),
    Drill {
        #[command(subcommand)]
        verb: DrillVerb,
    },
    Audit {
        #[command(subcommand)]
        verb: AuditVerb,
    },
}

#[derive(Subcommand)]
enum CharterVerb {
    Propose {
        #[arg(long, value_name = "NAME")]
        drop: Vec<String>,
    },
    Plan {
        #[arg(value_name = "FILE")]
        plan: Option<PathBuf>,
    },
    Amend {
        #[arg(value_name = "FILE")]
        plan: PathBuf,
    },
}

#[derive(Subcommand)]
enum DestroyVerb {
    Confirm {
        id: u64,
    },
    Veto {
        id: u64,
        #[arg(long)]
        reason: String,
    },
}

#[derive(Subcommand)]
enum DeviceVerb {
    Revoke { device: String },
}

#[derive(Subcommand)]
enum AuditVerb {
    Log {
        #[arg(long, value_name = "ENTRY|DATE")]
        from: Option<String>,
        #[arg(long, value_name = "ENTRY|DATE")]
        to: Option<String>,
        #[arg(long, value_name = "NAME")]
        person: Option<String>,
        #[arg(long, value_name = "LABEL")]
        account: Option<String>,
    },
    Export {
        dir: PathBuf,
    },
    Verify {
        dir: PathBuf,
        #[arg(long, value_name = "KEY")]
        log_key: Option<String>,
    },
    Proof {
        index: u64,
    },
    Checkpoint,
    Compare {
        #[arg(value_name = "FILE", required = true)]
        notes: Vec<PathBuf>,
        #[arg(long, value_name = "KEY")]
        log_key: Option<String>,
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    sequestre::seal::harden::harden();
    let set = |name: &&str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(set);
    let option = language_option(std::env::args());
    let say = Say::choose(option.as_deref(), locale.as_deref());
    let command = sequestre::client::help::translate(Cli::command(), &say);
    let cli = match command.try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { Exit::Usage as u8 } else { 0 });
        }
    };
    let out = Out::new(say, cli.common.json);
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            out.failure(&Failure::technical(error));
            return ExitCode::from(Exit::Failed as u8);
        }
    };
    match env(&cli.common, out.clone()).and_then(|env| runtime.block_on(run(&env, cli.verb))) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            out.failure(&failure);
            ExitCode::from(failure.exit() as u8)
        }
    }
}

/// The language must be known before the arguments are parsed, because help and errors are in it.
fn language_option(args: impl Iterator<Item = String>) -> Option<String> {
    let mut args = args.skip_while(|arg| arg != "--lang" && !arg.starts_with("--lang="));
    let first = args.next()?;
    first.strip_prefix("--lang=").map(str::to_owned).or_else(|| args.next())
}

fn env(common: &Common, out: Out) -> Result<Env, Failure> {
    let home = match &common.home {
        Some(path) => path.clone(),
        None => {
            let user = std::env::home_dir().ok_or_else(|| Failure::new(Exit::Usage, "failed-no-home"))?;
            user.join(".sequestre")
        }
    };
    let mut accepted = Vec::new();
    if common.yes {
        accepted.push("--yes");
    }
    if common.accept_unwitnessed {
        accepted.push("--accept-unwitnessed");
    }
    Ok(Env {
        home: Home::new(home),
        organisation: common.org.clone(),
        out,
        unlock: Unlock {
            passphrase_file: common.passphrase_file.clone(),
            words_file: None,
            accepted,
            work: WorkFactor::STANDARD,
        },
        clock: Arc::new(|| {
            Time(SystemTime::now().duration_since(UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default())
        }),
    })
}

/// Gives the exit code: that of the command which was run with an access, or 0.
async fn run(env: &Env, verb: Verb) -> Result<u8, Failure> {
    let done = match verb {
        Verb::Request(args) => return request::command::run(env, args).await,
        #[cfg(feature = "daemon")]
        Verb::Demo { keep } => sequestre::demo::run(&env.out, keep).await,
        Verb::Found {
            name,
            me,
            trustee,
            mediator,
            technician,
            member,
            quorum,
            vault,
            admission,
            destroy_delay,
            code_file,
            invitations,
            words_file,
        } => {
            let people = [
                (Role::Trustee, trustee),
                (Role::Mediator, mediator),
                (Role::Technician, technician),
                (Role::Member, member),
            ];
            let mut plan = Plan {
                name,
                me,
                people: planned(people),
                quorums: Default::default(),
                vaults: Default::default(),
                admission,
                destroy_delay: destroy_delay.map_or(Ok(found::DESTROY_DELAY), |text| length(&text))?.0,
            };
            quorum.iter().try_for_each(|text| plan.add_quorum(text))?;
            vault.iter().try_for_each(|text| plan.add_vault(text))?;
            let code = read_or_paste(env, code_file, "ask-founding-code")?;
            found::found(&writing_words(env, words_file), &code, plan, &invitations).await
        }
        Verb::Invite { name, roles, invitations } => found::invite(env, &name, &roles, &invitations).await,
        Verb::Join { invitation, words_file, begin_anew, charter_code } => {
            let code = read_or_paste(env, invitation, "ask-invitation")?;
            let env = writing_words(env, words_file);
            match begin_anew {
                true => join::join_anew(&env, &code, charter_code.as_deref()).await,
                false => join::join(&env, &code).await,
            }
        }
        Verb::Admit { name } => join::admit(env, &name).await,
        Verb::Remove { name, reason } => join::remove(env, &name, &reason).await,
        Verb::Leave => join::leave(env).await,
        Verb::Inbox => consent::inbox(env).await,
        Verb::Approve { id } => consent::approve(env, id).await,
        Verb::Deny { id, reason } => consent::deny(env, id, &reason).await,
        Verb::Deposit { label, vault, new_version, without, from, connector, exclusive, keep_delegations } => {
            let has = |name: &str| without.iter().any(|without| without == name);
            let reach = Reach {
                connector: match connector {
                    Some(path) => Connecting::By(path),
                    None if has(CONNECTOR) => Connecting::Not,
                    None => Connecting::AsItIs,
                },
                exclusive: if exclusive { Some(true) } else { has(EXCLUSIVE).then_some(false) },
                keep_delegations,
            };
            let parts = without.iter().filter(|name| ![CONNECTOR, EXCLUSIVE].contains(&name.as_str()));
            let without = parts.map(|name| part_kind(name)).collect::<Result<_, _>>()?;
            let (sheet, parts) = match from {
                Some(path) => deposit::from_json(&unlock::read_secret(&path)?)?,
                None => deposit::from_prompts(env)?,
            };
            deposit::deposit(env, Deposit { label, vault, new_version, sheet, parts, without, reach }).await
        }
        Verb::Credentials { label: None } => status::credentials(env).await,
        Verb::Credentials { label: Some(label) } => status::credential(env, &label).await,
        Verb::Unseal { labels, duration, reason, open_for } => {
            let open_for = open_for.map_or(Ok(REQUEST_LIFE), |text| length(&text))?;
            opening::unseal(env, &labels, length(&duration)?, &reason, open_for).await
        }
        Verb::Seal { reason } => opening::seal(env, &reason).await,
        Verb::Verify { label } => opening::verify(env, &label).await,
        Verb::Rotate { label } => opening::rotate(env, &label).await,
        Verb::Delegate(args) => delegation::run(env, args).await,
        Verb::Delegations { all } => delegation::delegations(env, all).await,
        Verb::Ssh { verb } => opening::ssh(env, verb).await,
        Verb::Exposure { label, person } => exposure::exposure(env, label.as_deref(), person.as_deref()).await,
        Verb::Leases { all } => status::leases(env, all).await,
        Verb::Show { id, codes: true, .. } => request::codes(env, id).await,
        Verb::Show { id, copy, codes: false } => {
            let reveal = match copy {
                Some(name) => Reveal::Clipboard(part_kind(&name)?),
                None => Reveal::Screen,
            };
            request::show(env, id, reveal).await
        }
        Verb::Return { id } => request::give_back(env, id).await,
        Verb::Revoke { id, reason } => request::revoke(env, id, &reason).await,
        Verb::Destroy { verb: Some(DestroyVerb::Confirm { id }), .. } => destroy::confirm(env, id).await,
        Verb::Destroy { verb: Some(DestroyVerb::Veto { id, reason }), .. } => destroy::veto(env, id, &reason).await,
        Verb::Destroy { label, version, text, reason, verb: None, .. } => {
            let target = match (label, text) {
                (Some(label), _) => Target::Account { label, version },
                (None, Some(text)) => Target::Text(text),
                (None, None) => Target::Organisation,
            };
            destroy::propose(env, &target, &reason.unwrap_or_default()).await
        }
        Verb::People => status::people(env).await,
        Verb::Charter { verb: None } => status::charter(env).await,
        Verb::Charter { verb: Some(CharterVerb::Propose { drop }) } => found::propose(env, &drop).await,
        Verb::Charter { verb: Some(CharterVerb::Plan { plan }) } => amend::plan(env, plan.as_deref()).await,
        Verb::Charter { verb: Some(CharterVerb::Amend { plan }) } => amend::amend(env, &plan).await,
        Verb::Status => status::status(env).await,
        Verb::Sync { watch: false } => session::sync(env).await,
        Verb::Sync { watch: true } => watching::watch(env).await,
        Verb::Device { verb: None } => status::devices(env).await,
        Verb::Device { verb: Some(DeviceVerb::Revoke { device }) } => join::revoke_device(env, &device).await,
        Verb::RestoreIdentity { words_file, card_file, begin_anew, charter_code } => {
            let words = match words_file {
                Some(path) => Some(unlock::read_secret(&path)?),
                // Whoever begins anew has their identity here.
                None if begin_anew && env.home.has_identity() => None,
                None => Some(env.unlock.secret(&env.out, "ask-words", "--words-file")?),
            };
            let card = read_or_paste(env, card_file, "ask-card")?;
            match words {
                Some(words) if !begin_anew => join::restore_identity(env, &words, &card).await,
                words => join::restore_identity_anew(env, words.as_ref(), &card, charter_code.as_deref()).await,
            }
        }
        Verb::Card => join::card(env),
        Verb::Recover { verb } => recover::command::run(env, verb),
        Verb::Move { verb } => moving::run(env, verb).await,
        Verb::Kit(args) => kit::run(env, args).await,
        Verb::Drill { verb } => drill::run(env, verb).await,
        Verb::Audit { verb } => match verb {
            AuditVerb::Log { from, to, person, account } => {
                audit::log(env, audit::LogOptions { from, to, person, account }).await
            }
            AuditVerb::Export { dir } => audit::export(env, &dir).await,
            AuditVerb::Verify { dir, log_key } => audit::verify(env, &dir, log_key.as_deref()),
            AuditVerb::Proof { index } => audit::proof(env, index).await,
            AuditVerb::Checkpoint => audit::checkpoint(env).await,
            AuditVerb::Compare { notes, log_key, to } => {
                audit::compare(env, &notes, log_key.as_deref(), to.as_deref())
            }
        },
    };
    done.map(|()| 0)
}

/// A new identity's words go into this file.
fn writing_words(env: &Env, words_file: Option<PathBuf>) -> Env {
    Env { unlock: Unlock { words_file, ..env.unlock.clone() }, ..env.clone() }
}

/// One entry a name; a name given with two roles has both.
fn planned(people: [(Role, Vec<String>); 4]) -> Vec<Planned> {
    let mut planned: Vec<Planned> = Vec::new();
    for (role, names) in people {
        for name in names {
            match planned.iter_mut().find(|p| p.name == name) {
                Some(known) => known.roles.push(role.as_str().to_owned()),
                None => planned.push(Planned { name, roles: vec![role.as_str().to_owned()], invitation: None }),
            }
        }
    }
    planned
}

/// Codes are secrets: from a file, standard input (`-`), or pasted; never from the command line.
fn read_or_paste(
    env: &Env,
    file: Option<PathBuf>,
    question: &str,
) -> Result<sequestre::seal::secret::Secret, Failure> {
    match file {
        Some(path) => unlock::read_secret(&path),
        None => unlock::paste(&env.out, question),
    }
}
