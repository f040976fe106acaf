//! Help in the person's language: clap's structure, our translation files.
//!
//! Every verb has `help-<verb>` and every option `help-<verb>-<option>` (`help-<option>` where all verbs have it).
//! Clap's own words stay English: the headings (`Usage:`, `Options:`), `[default: …]`, and what it says of a command
//! line that makes no sense.

use clap::{Arg, ArgAction, Command};

use super::say::Say;

/// Puts the translated sentences into a command line's help.
pub fn translate(command: Command, say: &Say) -> Command {
    // Clap's own two flags have English help that cannot be changed before they are made.
    let help = Arg::new("help").short('h').long("help").action(ArgAction::Help).global(true);
    let version = Arg::new("version").short('V').long("version").action(ArgAction::Version);
    let command = command.disable_help_flag(true).disable_version_flag(true).args([help, version]);
    let command = command.about(say.plain("help-about")).after_help(say.plain("help-exit-codes"));
    // What all verbs have comes after what each has of its own, in the order in which it is declared.
    let mut place = 900;
    let command = explain(command, "help", say).mut_args(|arg| {
        place += 1;
        arg.display_order(place)
    });
    // The verbs' names are needed before each of them can be changed.
    let verbs = names(&command);
    verbs.iter().fold(command, |command, name| command.mut_subcommand(name, |verb| translate_verb(verb, name, say)))
}

fn translate_verb(verb: Command, path: &str, say: &Say) -> Command {
    let key = format!("help-{path}");
    let verb = verb.about(say.plain(&key)).disable_help_subcommand(true);
    let verb = explain(verb, &key, say);
    names(&verb).iter().fold(verb, |verb, name| {
        let path = format!("{path}-{name}");
        verb.mut_subcommand(name, |sub| translate_verb(sub, &path, say))
    })
}

/// Gives each argument of this command the sentence `<key>-<argument>`.
fn explain(command: Command, key: &str, say: &Say) -> Command {
    // What the environment holds is private, and would make the help differ from one computer to the next.
    command.mut_args(|arg| {
        let text = say.plain(&format!("{key}-{}", arg.get_id().as_str().replace('_', "-")));
        arg.help(text).hide_env_values(true)
    })
}

fn names(command: &Command) -> Vec<String> {
    command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect()
}
