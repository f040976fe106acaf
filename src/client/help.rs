//! Help in the person's language: clap's structure, our translation files.
//!
//! Every verb has `help-<verb>` and every option `help-<verb>-<option>` (`help-<option>` where all verbs have it).

use clap::Command;

use super::say::Say;

/// Puts the translated sentences into a command line's help.
pub fn translate(command: Command, say: &Say) -> Command {
    let command = command.about(say.plain("help-about")).after_help(say.plain("help-exit-codes"));
    let command = common(command, say);
    let verbs: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    verbs.iter().fold(command, |command, name| command.mut_subcommand(name, |verb| translate_verb(verb, name, say)))
}

fn translate_verb(verb: Command, path: &str, say: &Say) -> Command {
    let verb = verb.about(say.plain(&format!("help-{path}"))).disable_help_subcommand(true);
    let names: Vec<String> = verb.get_arguments().map(|a| a.get_id().to_string()).collect();
    let verb = names.iter().fold(verb, |verb, name| {
        let key = format!("help-{path}-{}", name.replace('_', "-"));
        verb.mut_arg(name, |arg| arg.help(say.plain(&key)))
    });
    let below: Vec<String> = verb.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    below.iter().fold(verb, |verb, name| {
        let path = format!("{path}-{name}");
        verb.mut_subcommand(name, |sub| translate_verb(sub, &path, say))
    })
}

fn common(command: Command, say: &Say) -> Command {
    let names: Vec<String> = command.get_arguments().map(|a| a.get_id().to_string()).collect();
    names.iter().fold(command, |command, name| {
        let key = format!("help-{}", name.replace('_', "-"));
        command.mut_arg(name, |arg| arg.help(say.plain(&key)))
    })
}
