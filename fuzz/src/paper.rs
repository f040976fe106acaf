//! What people type, paste and send each other, and what is sealed.

use std::sync::LazyLock;

use sequestre::seal::identity::Identity;
use sequestre::seal::secret::Secret;
use sequestre::seal::sharing::MasterKey;

use super::dealt::{Sample, context, master_key, part, sample};

static MASTER: LazyLock<MasterKey> = LazyLock::new(master_key);
static SAMPLE: LazyLock<Sample> = LazyLock::new(sample);

/// The same person each time.
fn somebody(number: u8) -> Identity {
    Identity::from_seed(Secret::new(vec![number; 32])).expect("32 bytes are a seed")
}

/// Invitations, contact cards, founding codes.
pub mod codes {
    use sequestre::escrow::role::{Role, Roles};
    use sequestre::escrow::time::Time;
    use sequestre::seal::code::{self, CodeKind};
    use sequestre::seal::founding::FoundingCode;
    use sequestre::seal::invitation::{ContactCard, Invitation, InvitationSecret, ServerAddress};
    use sequestre::seal::secret::Secret;

    use super::super::golden::{GOLDEN, key, public};

    fn address() -> ServerAddress {
        ServerAddress::parse("escrow.example.org:7443").expect("an address")
    }

    pub fn seeds() -> Vec<Vec<u8>> {
        let contact = ContactCard {
            organisation: GOLDEN.id,
            address: address(),
            server_key: public(&key("a server")),
            log_key: public(&key("log")),
            checkpoint: GOLDEN.head(40),
        };
        let invitation = Invitation {
            contact: contact.clone(),
            inviter: public(&key("identity 0")),
            roles: Roles::from_numbers(&[Role::Trustee as u32]).expect("a role"),
            expires: Time(1_800_000_000),
            secret: InvitationSecret::from_bytes(Secret::new(vec![9; 16])).expect("16 bytes"),
        };
        let founding = FoundingCode::new(public(&key("a server")), address(), &[5; 32]);
        let codes = [contact.to_code(), invitation.to_code(), founding.to_code()];
        let codes = codes.map(|code| code.expect("a code").expose().to_vec());
        let pasted = codes.iter().map(|code| [b"Here it is:\n> ", code.as_slice(), b"\n\nSee you"].concat());
        codes.iter().cloned().chain(pasted).collect()
    }

    fn text(code: Secret) -> String {
        code.expose_str().expect("letters").to_owned()
    }

    pub fn check(data: &[u8]) {
        let Ok(read) = std::str::from_utf8(data) else { return };
        if let Ok(card) = ContactCard::from_code(read) {
            let again = ContactCard::from_code(&text(card.to_code().expect("it was one")));
            assert_eq!(again.expect("what was written is read"), card);
        }
        if let Ok(invitation) = Invitation::from_code(read) {
            let code = text(invitation.to_code().expect("it was one"));
            let again = Invitation::from_code(&code).expect("what was written is read");
            assert_eq!(text(again.to_code().expect("it was one")), code);
            assert!(invitation.roles.iter().next().is_some(), "an invitation to be nobody");
        }
        if let Ok(founding) = FoundingCode::from_code(read) {
            let code = text(founding.to_code().expect("it was one"));
            let again = FoundingCode::from_code(&code).expect("what was written is read");
            assert!(again.token().matches(founding.token()));
        }
        for kind in [CodeKind::Card, CodeKind::Invitation, CodeKind::Founding] {
            if let Ok(payload) = code::decode(kind, read) {
                let code = text(code::encode(kind, payload.expose()).expect("it was one"));
                // One spelling: letters, whatever stood between them.
                let letters: String = read.to_lowercase().chars().filter(|c| !c.is_whitespace()).collect();
                for line in code.lines() {
                    assert!(letters.contains(line), "a line that does not stand there");
                }
            }
        }
    }
}

/// Twenty-four words.
pub mod words {
    use sequestre::seal::identity::Identity;
    use sequestre::seal::words::Language;

    use super::somebody;

    const LANGUAGES: [Language; 2] = [Language::English, Language::French];

    pub fn seeds() -> Vec<Vec<u8>> {
        let words = |n: u8| LANGUAGES.map(|language| somebody(n).to_words(language).expose().to_vec());
        [1, 2, 0xff].into_iter().flat_map(words).collect()
    }

    pub fn check(data: &[u8]) {
        let Ok(text) = std::str::from_utf8(data) else { return };
        for language in [None, Some(LANGUAGES[0]), Some(LANGUAGES[1])] {
            let Ok(identity) = Identity::from_words(text, language) else { continue };
            for language in LANGUAGES {
                let words = identity.to_words(language);
                let again = Identity::from_words(words.expose_str().expect("letters"), Some(language));
                assert_eq!(again.expect("what was written is read").person(), identity.person());
            }
        }
        // What is told about wrong words is about positions; that it is told at all must not fail.
        let _ = somebody(1).compare_words(text);
    }
}

/// Shares as they stand in their envelopes.
pub mod shares {
    use sequestre::seal::secret::Secret;
    use sequestre::seal::sharing::verify_share;

    use super::{SAMPLE, context};

    pub fn seeds() -> Vec<Vec<u8>> {
        SAMPLE.shares.iter().map(|(_, envelope)| envelope.clone()).collect()
    }

    pub fn check(data: &[u8]) {
        for (trustee, envelope) in &SAMPLE.shares {
            let sent = Secret::new(data.to_vec());
            let verified = verify_share(sent, *trustee, &context(), &SAMPLE.deal);
            let genuine = envelope == data;
            assert_eq!(verified.is_ok(), genuine, "a share counts that was not dealt, or not one that was");
        }
    }
}

/// Files that are sealed to a key.
pub mod sealed {
    use sequestre::escrow::id::OrganisationId;
    use sequestre::seal::minted::{MintedContext, open_made};
    use sequestre::seal::sealing::{open_part, open_with, seal_part, seal_to};

    use super::{MASTER, SAMPLE, context};

    pub fn seeds() -> Vec<Vec<u8>> {
        vec![SAMPLE.sealed.clone(), b"anything that somebody seals".to_vec()]
    }

    pub fn check(data: &[u8]) {
        let opened = open_part(&MASTER, &context().part_context(), data);
        assert_eq!(opened.is_ok(), data == SAMPLE.sealed, "what was changed opens, or what was not does not");
        // What everybody can do: seal anything to this key.
        let Ok(sealed) = seal_to(MASTER.recipient(), data) else { return };
        let opened = open_with(MASTER.age(), &sealed).expect("what was sealed opens");
        assert_eq!(opened.expose(), data);
        let made = MintedContext { organisation: OrganisationId::new([1; 32]), request: 5 };
        if let Ok(made) = open_made(MASTER.age(), &made, &sealed) {
            assert!(!made.fields.is_empty(), "a login without anything in it");
        }
        // Anybody can seal a part, too; what reads it is told apart by the signed command around it.
        if let Ok(value) = open_part(&MASTER, &context().part_context(), &sealed) {
            let again = seal_part(MASTER.recipient(), &context().part_context(), &value).expect("it was sealed");
            let again = open_part(&MASTER, &context().part_context(), &again).expect("what was sealed opens");
            assert!(again.value.matches(&value.value));
        }
    }
}

/// The file in which somebody asks for a recovery without the server.
pub mod recoveries {
    use std::sync::LazyLock;

    use sequestre::escrow::id::OrganisationId;
    use sequestre::escrow::text::Text;
    use sequestre::escrow::time::Time;
    use sequestre::seal::recovery::{RecoveryRequest, SignedRequest};

    use super::super::golden::GOLDEN;
    use super::{MASTER, part, somebody};

    pub static REQUEST: LazyLock<SignedRequest> = LazyLock::new(|| {
        let request = RecoveryRequest {
            organisation: OrganisationId::new([1; 32]),
            starter: somebody(1).person(),
            tree: GOLDEN.head(40),
            created: Time(1_800_000_000),
            nonce: [3; 16],
            recipient: *MASTER.recipient(),
            reason: Text::parse("le serveur a brûlé").expect("a text"),
            parts: [part()].into(),
        };
        request.sign(&somebody(1)).expect("it is the starter's")
    });

    pub fn seeds() -> Vec<Vec<u8>> {
        let file = REQUEST.to_file();
        vec![file.clone().into_bytes(), file.replace('\n', "\r\n").into_bytes()]
    }

    pub fn check(data: &[u8]) {
        let Ok(request) = SignedRequest::parse(data) else { return };
        let again = SignedRequest::parse(request.to_file().as_bytes()).expect("what was written is read");
        assert_eq!(again.digest(), request.digest());
        assert_eq!(again.unverified(), request.unverified());
        if request.verify(&somebody(1).keys()).is_ok() {
            assert_eq!(request.to_file(), REQUEST.to_file(), "a request that nobody signed");
        }
    }
}

/// The file in which somebody answers, as the one who can open it sees it.
pub mod answers {
    use std::sync::LazyLock;

    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use sequestre::escrow::id::OrganisationId;
    use sequestre::escrow::time::Time;
    use sequestre::seal::recovery::{OpenedAnswer, RecoveryAnswer};
    use sequestre::seal::sealing::{open_with, seal_to};
    use sequestre::seal::secret::Secret;

    use super::super::golden::GOLDEN;
    use super::recoveries::REQUEST;
    use super::{MASTER, part, somebody};

    struct Known {
        /// Its first and last line.
        frame: [String; 2],
        plaintext: Vec<u8>,
    }

    static KNOWN: LazyLock<Known> = LazyLock::new(|| {
        let answer = RecoveryAnswer {
            recovery: REQUEST.digest(),
            organisation: OrganisationId::new([1; 32]),
            answerer: somebody(2).person(),
            tree: GOLDEN.head(40),
            created: Time(1_800_000_001),
            shares: vec![(part(), Secret::new(b"{\"label\":\"sequestre/share/v1\"}".to_vec()))],
            records: GOLDEN.commands.iter().take(1).cloned().collect(),
        };
        let file = answer.seal(&somebody(2), MASTER.recipient()).expect("it is theirs");
        let lines: Vec<&str> = file.lines().collect();
        let [first, inside @ .., last] = lines.as_slice() else { panic!("no file") };
        let sealed = BASE64_STANDARD.decode(inside.concat()).expect("base64");
        let plaintext = open_with(MASTER.age(), &sealed).expect("it was sealed").expose().to_vec();
        Known { frame: [(*first).to_owned(), (*last).to_owned()], plaintext }
    });

    /// What is in the sealed file.
    pub fn seeds() -> Vec<Vec<u8>> {
        vec![KNOWN.plaintext.clone()]
    }

    pub fn check(data: &[u8]) {
        // As it is, in the place of a file; and sealed, as anybody can.
        assert!(OpenedAnswer::open(MASTER.age(), data).is_err(), "a file that nobody sealed");
        let Ok(sealed) = seal_to(MASTER.recipient(), data) else { return };
        let [first, last] = &KNOWN.frame;
        let file = format!("{first}\n{}\n{last}\n", BASE64_STANDARD.encode(sealed));
        let Ok(opened) = OpenedAnswer::open(MASTER.age(), file.as_bytes()) else { return };
        let request = REQUEST.verify(&somebody(1).keys()).expect("it was signed");
        if opened.verify(&somebody(2).keys(), &request).is_ok() {
            assert_eq!(data, KNOWN.plaintext, "an answer that nobody signed");
        }
    }
}
