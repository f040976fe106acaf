use proptest::prelude::*;

use super::*;
use crate::escrow::id::CredentialId;

struct Story {
    starter: Identity,
    answerer: Identity,
    key: age::x25519::Identity,
    request: VerifiedRequest,
    file: String,
}

fn part(account: u8, kind: PartKind) -> PartId {
    PartId { version: VersionId { credential: CredentialId::new([account; 16]), version: 3 }, kind }
}

fn head(size: u64) -> TreeHead {
    TreeHead { size, root: Digest::of(&[&size.to_be_bytes()]) }
}

impl Story {
    fn new() -> Self {
        let (starter, answerer) = (Identity::generate().unwrap(), Identity::generate().unwrap());
        let key = age::x25519::Identity::generate();
        let request = RecoveryRequest {
            organisation: OrganisationId::new([9; 32]),
            starter: starter.person(),
            tree: head(40),
            created: Time(1_700_000_000),
            nonce: [5; 16],
            recipient: RecipientKey::from_age(&key.to_public().to_string()).unwrap(),
            reason: Text::parse("le serveur a brûlé").unwrap(),
            parts: BTreeSet::from([
                part(1, PartKind::Password),
                part(1, PartKind::Notes),
                part(2, PartKind::Password),
            ]),
        };
        let file = request.sign(&starter).unwrap().to_file();
        let request = SignedRequest::parse(file.as_bytes()).unwrap().verify(&starter.keys()).unwrap();
        Self { starter, answerer, key, request, file }
    }

    fn answer(&self) -> RecoveryAnswer {
        let envelope = |text: &str| Secret::from_string(text.to_owned());
        RecoveryAnswer {
            recovery: self.request.digest(),
            organisation: OrganisationId::new([9; 32]),
            answerer: self.answerer.person(),
            tree: head(41),
            created: Time(1_700_000_100),
            shares: vec![
                (part(1, PartKind::Password), envelope(r#"{"label":"a b"}"#)),
                (part(1, PartKind::Password), envelope("{}")),
                (part(2, PartKind::Password), envelope("{\"y\":\"é\"}")),
            ],
            records: vec![vec![7; 300], vec![8]],
        }
    }

    fn answer_file(&self) -> String {
        self.answer().seal(&self.answerer, &self.request.request().recipient).unwrap()
    }
}

/// The lines inside a request's block.
fn lines(file: &str) -> String {
    String::from_utf8(dearmour(FileKind::Request, file.as_bytes()).unwrap()).unwrap()
}

fn refile(lines: &str) -> String {
    armour(FileKind::Request, lines.as_bytes())
}

#[test]
fn a_request_is_what_its_starter_signed_and_has_a_name_and_a_code() {
    let story = Story::new();
    let (request, lines) = (&story.request, lines(&story.file));
    assert!(lines.starts_with("sequestre recovery request v1\norganisation 0909"));
    assert!(
        lines.contains("\nreason le serveur a brûlé\npart 01010101010101010101010101010101 3 password\npart 0101")
    );
    let (body, _) = lines.split_once("signature ").unwrap();
    let name = Digest::of(&[body.as_bytes()]);
    assert_eq!((request.digest(), request.request().parts.len()), (name, 3));
    assert_eq!(request.code().to_string().split(' ').count(), 4);
    let other = Story::new();
    assert_ne!(other.request.code(), request.code());
    assert!(matches!(
        SignedRequest::parse(story.file.as_bytes()).unwrap().verify(&other.starter.keys()),
        Err(BadRecovery::Signature)
    ));
}

#[test]
fn mail_may_wrap_files_in_words_and_change_line_ends() {
    let story = Story::new();
    let letter = format!("Bonjour,\r\n\r\n  {}\r\nMerci\r\n", story.file.replace('\n', " \r\n  "));
    assert!(SignedRequest::parse(letter.as_bytes()).unwrap().verify(&story.starter.keys()).is_ok());
    let letter = format!("Voilà.\n{}", story.answer_file().replace('\n', "\r\n"));
    assert!(OpenedAnswer::open(&story.key, letter.as_bytes()).is_ok());
}

#[test]
fn an_answer_comes_back_as_it_was() {
    let story = Story::new();
    let opened = OpenedAnswer::open(&story.key, story.answer_file().as_bytes()).unwrap();
    assert_eq!(opened.unverified_answerer(), story.answerer.person());
    let (answer, sent) = (opened.verify(&story.answerer.keys(), &story.request).unwrap(), story.answer());
    assert_eq!((answer.tree, answer.created), (sent.tree, sent.created));
    assert_eq!((answer.shares.len(), &answer.records), (3, &story.answer().records));
    assert!(answer.shares.iter().zip(&sent.shares).all(|(a, b)| a.0 == b.0 && a.1.matches(&b.1)));
}

#[test]
fn every_changed_line_is_noticed() {
    let story = Story::new();
    let good = lines(&story.file);
    for (from, to) in [
        ("starter ", "starter  "),
        ("tree 40", "tree 040"),
        ("tree 40", "tree 0"),
        ("created 1", "created +1"),
        (" 3 notes", " 3 secrets"),
        (" 3 notes", " 03 notes"),
        ("nonce 05", "nonce 5"),
        ("part ", "parts "),
        ("signature ", "signature 00"),
        ("reason le", "reason \u{202e}le"),
        ("\nsignature", "\n\nsignature"),
    ] {
        let changed = refile(&good.replacen(from, to, 1));
        assert!(matches!(SignedRequest::parse(changed.as_bytes()), Err(BadRecovery::Damaged)), "{to:?}");
    }
    // Well-formed, but not what was signed.
    for (from, to) in [("tree 40", "tree 41"), ("reason le", "reason la"), ("created 1", "created 2"), (" 3 ", " 2 ")]
    {
        let changed = refile(&good.replacen(from, to, 1));
        let changed = SignedRequest::parse(changed.as_bytes());
        let refused = changed.and_then(|request| request.verify(&story.starter.keys()));
        assert!(matches!(refused, Err(BadRecovery::Signature | BadRecovery::Damaged)), "{to:?}");
    }
    let newer = refile(&good.replacen("request v1", "request v2", 1));
    assert!(matches!(SignedRequest::parse(newer.as_bytes()), Err(BadRecovery::Newer)));
    let twice = refile(&format!("{good}signature 00\n"));
    assert!(matches!(SignedRequest::parse(twice.as_bytes()), Err(BadRecovery::Damaged)));
}

/// What the signature does not cover is its own line: two files of one answer would pass for two answers.
#[test]
fn a_signature_is_written_in_one_way() {
    let story = Story::new();
    let shouted = |lines: &str| {
        let (body, signature) = lines.rsplit_once("signature ").unwrap();
        let shouted = format!("{body}signature {}", signature.to_uppercase());
        assert_ne!(shouted, lines);
        shouted
    };
    let request = refile(&shouted(&lines(&story.file)));
    assert!(matches!(SignedRequest::parse(request.as_bytes()), Err(BadRecovery::Damaged)));
    let sealed = dearmour(FileKind::Answer, story.answer_file().as_bytes()).unwrap();
    let opened = open_with(&story.key, &sealed).unwrap();
    let answer = shouted(opened.expose_str().unwrap());
    let sealed = seal_to(&story.request.request().recipient, answer.as_bytes()).unwrap();
    let answer = OpenedAnswer::open(&story.key, armour(FileKind::Answer, &sealed).as_bytes());
    assert!(matches!(answer, Err(BadRecovery::Damaged)));
}

#[test]
fn cut_and_wrong_files_say_so() {
    let story = Story::new();
    let answer = story.answer_file();
    let wrong = OpenedAnswer::open(&story.key, story.file.as_bytes());
    assert!(matches!(wrong, Err(BadRecovery::WrongKind { found: FileKind::Request })));
    let wrong = SignedRequest::parse(answer.as_bytes());
    assert!(matches!(wrong, Err(BadRecovery::WrongKind { found: FileKind::Answer })));
    assert!(matches!(SignedRequest::parse(b"hello"), Err(BadRecovery::NotARecovery)));
    assert!(matches!(SignedRequest::parse(&[0xff; 9]), Err(BadRecovery::NotARecovery)));
    for file in [&answer, &story.file] {
        let cut = &file[..file.len() / 2];
        let read = |text: &str| match text.contains("AGE") {
            true => OpenedAnswer::open(&story.key, text.as_bytes()).map(|_| ()),
            false => SignedRequest::parse(text.as_bytes()).map(|_| ()),
        };
        assert!(matches!(read(cut), Err(BadRecovery::Damaged)));
        // A line is missing.
        let short: Vec<&str> = file.lines().enumerate().filter(|(i, _)| *i != 4).map(|(_, line)| line).collect();
        assert!(matches!(read(&short.join("\n")), Err(BadRecovery::Damaged)));
    }
    let other = age::x25519::Identity::generate();
    assert!(matches!(OpenedAnswer::open(&other, answer.as_bytes()), Err(BadRecovery::OtherRecovery)));
}

#[test]
fn an_answer_in_anothers_name_or_to_another_recovery_is_refused() {
    let story = Story::new();
    let open = |file: String| OpenedAnswer::open(&story.key, file.as_bytes()).unwrap();
    let refused = open(story.answer_file()).verify(&story.starter.keys(), &story.request).err();
    assert!(matches!(refused, Some(BadRecovery::Signature)));
    // Signed by whom it names, passed on to a recovery that it was not given for.
    let elsewhere = RecoveryAnswer { recovery: Digest::of(&[b"another"]), ..story.answer() };
    let file = elsewhere.seal(&story.answerer, &story.request.request().recipient).unwrap();
    let refused = open(file).verify(&story.answerer.keys(), &story.request).err();
    assert!(matches!(refused, Some(BadRecovery::OtherRecovery)));
    // Nobody seals in another's name, and nothing is no answer.
    let recipient = &story.request.request().recipient;
    assert!(matches!(story.answer().seal(&story.starter, recipient), Err(BadRecovery::Signature)));
    let nothing = RecoveryAnswer { shares: Vec::new(), ..story.answer() };
    assert!(matches!(nothing.seal(&story.answerer, recipient), Err(BadRecovery::Empty)));
}

proptest! {
    /// Whatever comes by mail, inside and outside of a block.
    #[test]
    fn nothing_that_is_sent_panics(text in "(sequestre recovery (request|answer) v1\n)?[ -~é\\n]{0,300}", cut in 0usize..900) {
        let key = age::x25519::Identity::generate();
        prop_assert!(SignedRequest::parse(text.as_bytes()).is_err());
        prop_assert!(SignedRequest::parse(armour(FileKind::Request, text.as_bytes()).as_bytes()).is_err());
        prop_assert!(OpenedAnswer::open(&key, armour(FileKind::Answer, text.as_bytes()).as_bytes()).is_err());
        let recipient = RecipientKey::from_age(&key.to_public().to_string()).unwrap();
        let sealed = armour(FileKind::Answer, &seal_to(&recipient, text.as_bytes()).unwrap());
        prop_assert!(OpenedAnswer::open(&key, sealed.as_bytes()).is_err());
        let cut = cut.min(sealed.len() - 2);
        prop_assert!(OpenedAnswer::open(&key, &sealed.as_bytes()[..cut]).is_err());
    }
}
