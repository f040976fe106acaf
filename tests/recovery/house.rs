//! Associations for recoveries, and the verbs as the tests use them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sequestre::client::consent;
use sequestre::client::deposit::{self, Deposit};
use sequestre::client::failure::Failure;
use sequestre::client::found::{self, Plan, Planned};
use sequestre::client::recover::Source;
use sequestre::client::recover::answer::{Answering, answer};
use sequestre::client::recover::finish::{Finishing, finish};
use sequestre::client::recover::output::Format;
use sequestre::client::recover::start::{Starting, start};
use sequestre::client::session::Env;
use sequestre::seal::identity::Identity;
use sequestre::seal::recovery::{SignedRequest, VerifiedRequest};
use sequestre::seal::secret::Secret;
use serde_json::Value;

use crate::town::*;

pub const DENIS: &str = "Denis";

/// An association of trustees, one account in each vault (labelled like the vault), everybody synchronised.
pub async fn house(trustees: &[&str], quorums: &[&str], vaults: &[&str]) -> Town {
    let (town, code) = Town::bare().await;
    let others = &trustees[1..];
    let planned =
        |name: &&str| Planned { name: (*name).to_owned(), roles: vec!["trustee".to_owned()], invitation: None };
    let mut plan = Plan {
        destroy_delay: 7 * 86_400,
        name: "Les Amis du Lac".to_owned(),
        me: trustees[0].to_owned(),
        people: others.iter().map(planned).collect(),
        quorums: BTreeMap::new(),
        vaults: BTreeMap::new(),
        admission: String::new(),
    };
    quorums.iter().for_each(|text| plan.add_quorum(text).unwrap());
    vaults.iter().for_each(|text| plan.add_vault(text).unwrap());
    found::found(&town.env(trustees[0]), &code, plan, &town.root.path().join("invitations")).await.unwrap();
    for name in others {
        town.join(name).await.unwrap();
    }
    found::propose(&town.env(trustees[0]), &[]).await.unwrap();
    let session = town.session(trustees[0]).await;
    let id = *session.state().unwrap().proposals().last_key_value().unwrap().0;
    drop(session);
    for name in others {
        consent::approve(&town.env(name), id).await.unwrap();
    }
    for vault in vaults {
        let (vault, _) = vault.split_once('=').unwrap();
        put(&town, trustees[0], vault, vault).await;
    }
    for name in trustees {
        town.session(name).await;
    }
    town
}

pub async fn put(town: &Town, who: &str, vault: &str, label: &str) {
    let account = account(label, false, &password(label));
    deposit::deposit(&town.env(who), Deposit { vault: Some(vault.to_owned()), ..account }).await.unwrap();
}

pub fn password(label: &str) -> String {
    format!("password of {label}, with \"quotes\", commas\nand é")
}

/// The server burns: nobody gets anything from it any more.
pub async fn burn(town: &Town) {
    town.stop().await;
    fs::remove_dir_all(town.data()).unwrap();
}

/// A path in the town for a file with this name.
pub fn file(town: &Town, name: &str) -> PathBuf {
    town.root.path().join(name)
}

pub fn ask_all(town: &Town, who: &str, name: &str) -> PathBuf {
    ask(town, &town.env(who), &[], name, Source::default()).unwrap()
}

pub fn ask(town: &Town, env: &Env, accounts: &[&str], name: &str, source: Source) -> Result<PathBuf, Failure> {
    let output = file(town, name);
    let accounts = accounts.iter().map(|label| (*label).to_owned()).collect();
    let starting = Starting { accounts, reason: "the server burnt".to_owned(), output: output.clone(), source };
    start(env, starting).map(|()| output)
}

/// A request, checked with the keys that its starter's 24 words give.
pub fn request(town: &Town, starter: &str, file: &Path) -> VerifiedRequest {
    SignedRequest::parse(&fs::read(file).unwrap()).unwrap().verify(&identity(town, starter).keys()).unwrap()
}

pub fn code(town: &Town, starter: &str, file: &Path) -> String {
    request(town, starter, file).code().to_string()
}

/// What a person's paper gives.
pub fn identity(town: &Town, who: &str) -> Identity {
    Identity::from_words(&fs::read_to_string(words(town, who)).unwrap(), None).unwrap()
}

pub fn words(town: &Town, who: &str) -> PathBuf {
    town.root.path().join("people").join(who).join("words")
}

pub fn reply(town: &Town, who: &str, starter: &str, request: &Path, name: &str) -> Result<PathBuf, Failure> {
    let code = code(town, starter, request);
    reply_with(town, &town.env(who), request, Some(code), name, Source::default())
}

pub fn reply_with(
    town: &Town,
    env: &Env,
    request: &Path,
    code: Option<String>,
    name: &str,
    source: Source,
) -> Result<PathBuf, Failure> {
    let output = file(town, name);
    let answering = Answering { request: request.to_owned(), code, output: output.clone(), source };
    answer(env, answering).map(|()| output)
}

/// In the clear, as Bitwarden's JSON, into a new file.
pub fn finishing(town: &Town, answers: &[&Path], name: &str) -> Finishing {
    Finishing {
        answers: answers.iter().map(|path| path.to_path_buf()).collect(),
        from: None,
        words_files: Vec::new(),
        words_typed: 0,
        replica: None,
        output: file(town, name),
        format: Format::Bitwarden,
        plain: true,
        keep: false,
        passphrase_file: None,
    }
}

/// What opens, by label: user name and password.
pub fn recovered(town: &Town, who: &str, answers: &[&Path], name: &str) -> Result<BTreeMap<String, String>, Failure> {
    open_with(&town.env(who), finishing(town, answers, name))
}

pub fn open_with(env: &Env, finishing: Finishing) -> Result<BTreeMap<String, String>, Failure> {
    let output = finishing.output.clone();
    finish(env, finishing)?;
    Ok(logins(&fs::read(output).unwrap()))
}

/// The passwords in a Bitwarden export.
pub fn logins(json: &[u8]) -> BTreeMap<String, String> {
    let export: Value = serde_json::from_slice(json).unwrap();
    assert_eq!(export["encrypted"], false);
    let items = export["items"].as_array().unwrap();
    let login = |item: &Value| {
        assert_eq!((item["type"].as_u64(), item["login"]["username"].as_str()), (Some(1), Some("amis-du-lac")));
        (item["name"].as_str().unwrap().to_owned(), item["login"]["password"].as_str().unwrap().to_owned())
    };
    items.iter().map(login).collect()
}

pub fn expected(labels: &[&str]) -> BTreeMap<String, String> {
    labels.iter().map(|label| ((*label).to_owned(), password(label))).collect()
}

/// Copies a person's organisation folder, as somebody would onto a memory stick.
pub fn copy_of(town: &Town, who: &str, name: &str) -> PathBuf {
    let copy = file(town, name);
    Snapshot::of(&town.folder(who)).restore(&copy);
    copy
}

pub fn secret(text: &str) -> Secret {
    Secret::from_string(text.to_owned())
}

/// How many commands wait in a home for a server.
pub fn waiting(folder: &Path) -> usize {
    fs::read_dir(folder.join("outbox")).map_or(0, |files| files.count())
}
