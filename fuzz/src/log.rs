//! The log and what is signed about it.

/// Entries: one spelling, and no signature but those that were made.
pub mod entries {
    use prost::Message as _;
    use sequestre::escrow::entry::{Entry, What};

    use super::super::golden::GOLDEN;

    pub fn seeds() -> Vec<Vec<u8>> {
        GOLDEN.entries.clone()
    }

    pub fn check(data: &[u8]) {
        let Ok(entry) = Entry::parse(data) else { return };
        assert_eq!(entry.encode(), data, "two spellings of one entry");
        match entry.what {
            What::Command(signed) => {
                let wire = signed.to_wire().encode_to_vec();
                if signed.verify(GOLDEN.id).is_ok() {
                    assert!(GOLDEN.commands.contains(&wire), "a signature that nobody made");
                }
            }
            What::Act(signed) => {
                for key in &GOLDEN.log_keys {
                    if signed.verify(&GOLDEN.id, key, entry.index, entry.time).is_ok() {
                        let known = GOLDEN.entries.iter().any(|known| known == data);
                        assert!(known, "an act that the log key never signed");
                    }
                }
            }
        }
    }
}

/// Signed commands as clients keep and send them.
pub mod commands {
    use prost::Message as _;
    use sequestre::client::remote;
    use sequestre::escrow::command::{Command, SignedCommand};
    use sequestre::proto::v1;

    use super::super::golden::GOLDEN;

    pub fn seeds() -> Vec<Vec<u8>> {
        let mut seeds: Vec<Vec<u8>> = GOLDEN.commands.iter().cloned().collect();
        seeds.sort();
        let bare = seeds.iter().filter_map(|seed| v1::SignedCommand::decode(seed.as_slice()).ok());
        let bare: Vec<Vec<u8>> = bare.map(|signed| signed.command).collect();
        seeds.extend(bare);
        seeds
    }

    pub fn check(data: &[u8]) {
        // As it stands in a file, or as it stands in an entry.
        if let Ok(command) = Command::parse(data) {
            let again = v1::Command::decode(data).expect("it was just decoded").encode_to_vec();
            assert_eq!(again, data, "two spellings of one command");
            assert!(command.base.is_possible(), "a base that no log can have");
        }
        if let Some(signed) = remote::decode(data) {
            let wire = remote::encode(&signed);
            let again = remote::decode(&wire).expect("what was written is read");
            assert_eq!(remote::encode(&again), wire);
            assert_eq!(signed.wire_len(), wire.len());
            if signed.verify(GOLDEN.id).is_ok() {
                assert!(GOLDEN.commands.contains(&wire), "a signature that nobody made");
            }
        }
        if let Some(list) = remote::decode_list(data) {
            let again = remote::decode_list(&remote::encode_list(&list)).expect("what was written is read");
            assert_eq!(again.len(), list.len());
        }
        if let Ok(wire) = v1::SignedCommand::decode(data)
            && let Ok(signed) = SignedCommand::parse(wire.clone())
        {
            assert_eq!(signed.to_wire(), wire);
        }
    }
}

/// The rules: no entry makes them panic, and none is accepted that was not signed.
pub mod rules {
    use prost::Message as _;
    use sequestre::escrow::entry::{Entry, What};
    use sequestre::escrow::replay::Trust;

    use super::super::golden::GOLDEN;

    /// Which place in the log, and the entry that is tried there.
    pub fn seeds() -> Vec<Vec<u8>> {
        (1..GOLDEN.entries.len())
            .map(|at| [&(at as u16).to_be_bytes(), GOLDEN.entries[at].as_slice()].concat())
            .collect()
    }

    pub fn check(data: &[u8]) {
        let Some((at, entry)) = data.split_first_chunk::<2>() else { return };
        let at = usize::from(u16::from_be_bytes(*at)) % GOLDEN.replays.len();
        let before = &GOLDEN.replays[at];
        // As whoever trusts nothing.
        let mut replay = before.clone();
        if replay.push(entry, Trust::Nothing).is_ok() {
            match Entry::parse(entry).expect("it was accepted").what {
                What::Command(signed) => {
                    let wire = signed.to_wire().encode_to_vec();
                    assert!(GOLDEN.commands.contains(&wire), "a command that nobody signed is accepted");
                }
                What::Act(_) => assert_eq!(GOLDEN.entries[at + 1], entry, "an act that nobody signed is accepted"),
            }
        }
        // As whoever verified it before: the rules themselves, on whatever it says.
        let mut replay = before.clone();
        match replay.push(entry, Trust::OwnDisk) {
            Ok(_) => {
                assert_eq!(replay.head().size, before.head().size + 1);
                let time = replay.organisation().last_time();
                assert!(time >= before.organisation().last_time());
                // What is due then is allowed by the same rules.
                for act in replay.organisation().due(time) {
                    let allowed = replay.organisation().decide_daemon(act.clone(), time);
                    assert!(allowed.is_ok(), "{act:?} is due and not allowed");
                }
            }
            Err(_) => assert_eq!(replay.head(), before.head(), "a refused entry left a trace"),
        }
    }
}

/// Notes and checkpoints.
pub mod checkpoints {
    use sequestre::escrow::log::checkpoint::Checkpoint;
    use sequestre::escrow::log::note::Note;

    use super::super::golden::GOLDEN;

    pub fn seeds() -> Vec<Vec<u8>> {
        GOLDEN.checkpoints.values().map(|checkpoint| checkpoint.to_string().into_bytes()).collect()
    }

    pub fn check(data: &[u8]) {
        let Ok(text) = std::str::from_utf8(data) else { return };
        if let Ok(note) = Note::parse(text) {
            assert_eq!(note.to_string(), text, "two spellings of one note");
        }
        if let Ok(checkpoint) = Checkpoint::parse(text) {
            assert_eq!(checkpoint.body(), text, "two spellings of one checkpoint");
        }
        for size in GOLDEN.checkpoints.keys() {
            if let Ok(verified) = GOLDEN.verifier(*size).verify(text) {
                assert!(GOLDEN.is_checkpoint(verified.head()), "a checkpoint that nobody signed");
                assert_eq!(verified.to_string(), text);
            }
        }
    }
}

/// Cosignature lines.
pub mod cosignatures {
    use std::sync::LazyLock;

    use sequestre::escrow::id::PersonId;
    use sequestre::escrow::key::VerifyingKey;
    use sequestre::escrow::log::checkpoint::Checkpoint;
    use sequestre::escrow::log::cosignature::{Cosignature, cosignature_message};

    use super::super::golden::{GOLDEN, key, public, sign};

    struct Known {
        person: PersonId,
        device: VerifyingKey,
        checkpoint: Checkpoint,
        line: String,
    }

    static KNOWN: LazyLock<Vec<Known>> = LazyLock::new(|| {
        let known = |(n, checkpoint): (usize, &sequestre::escrow::log::checkpoint::SignedCheckpoint)| {
            let pair = key(&format!("a cosigner's device {n}"));
            let (device, person) = (public(&pair), PersonId::new([n as u8; 32]));
            let checkpoint = *checkpoint.checkpoint();
            let time = 1_800_000_000 + n as u64;
            let signature = sign(&pair, &cosignature_message(time, &checkpoint));
            let line = Cosignature::new(GOLDEN.id, person, &device, time, signature).expect("a time").to_string();
            Known { person, device, checkpoint, line }
        };
        GOLDEN.checkpoints.values().enumerate().map(known).collect()
    });

    pub fn seeds() -> Vec<Vec<u8>> {
        KNOWN.iter().map(|known| known.line.clone().into_bytes()).collect()
    }

    pub fn check(data: &[u8]) {
        let Ok(text) = std::str::from_utf8(data) else { return };
        let Ok(line) = text.parse::<Cosignature>() else { return };
        assert_eq!(line.to_string(), text, "two spellings of one cosignature");
        for known in KNOWN.iter() {
            for checkpoint in GOLDEN.checkpoints.values() {
                if line.verify(&known.person, &known.device, checkpoint.checkpoint()).is_ok() {
                    assert!(text == known.line && *checkpoint.checkpoint() == known.checkpoint, "nobody signed that");
                }
            }
        }
    }
}

/// Proofs that something is in the log, and that one log extends another.
pub mod proofs {
    use sequestre::escrow::id::Digest;
    use sequestre::escrow::log::merkle::{consistency_proof, inclusion_proof, verify_consistency};
    use sequestre::escrow::log::proof::ProofFile;

    use super::super::golden::GOLDEN;

    /// Files, and paths from the first to the second of two sizes.
    pub fn seeds() -> Vec<Vec<u8>> {
        let mut seeds = Vec::new();
        for (size, checkpoint) in &GOLDEN.checkpoints {
            let tree = GOLDEN.at(*size).tree();
            for index in [0, size / 2, size - 1] {
                let path = inclusion_proof(tree, index, *size).expect("it is in it");
                seeds.push(ProofFile::new(index, path, checkpoint).to_string().into_bytes());
            }
            for old in GOLDEN.checkpoints.keys().filter(|old| *old <= size) {
                let path = consistency_proof(tree, *old, *size).expect("it extends it");
                let path = path.iter().flat_map(|hash| hash.to_vec());
                seeds.push(
                    [u8::try_from(*old).unwrap_or(u8::MAX), u8::try_from(*size).unwrap_or(u8::MAX)]
                        .into_iter()
                        .chain(path)
                        .collect(),
                );
            }
        }
        seeds
    }

    pub fn check(data: &[u8]) {
        if let Ok(text) = std::str::from_utf8(data)
            && let Ok(file) = text.parse::<ProofFile>()
        {
            // Lines of others, which the format allows, are left out.
            if !text.contains("\nextra ") {
                assert_eq!(file.to_string(), text, "two spellings of one proof");
            }
            // What it says of its own place, and of the ones beside it.
            let near =
                file.index().saturating_sub(1)..file.index().saturating_add(2).min(GOLDEN.entries.len() as u64);
            for (index, size) in near.flat_map(|index| GOLDEN.checkpoints.keys().map(move |size| (index, size))) {
                if let Ok(verified) = file.verify(&GOLDEN.leaf(index), &GOLDEN.verifier(*size)) {
                    assert_eq!(file.index(), index, "an entry is proved to be where it is not");
                    let checkpoint = verified.checkpoint();
                    let path =
                        inclusion_proof(GOLDEN.at(checkpoint.head().size).tree(), index, checkpoint.head().size);
                    let genuine = ProofFile::new(index, path.expect("it is in it"), checkpoint);
                    assert_eq!(file, genuine, "another proof of the same");
                }
            }
        }
        if let [old, new, rest @ ..] = data {
            let sizes = [*old, *new].map(u64::from).map(|size| size.clamp(1, GOLDEN.entries.len() as u64));
            let (hashes, []) = rest.as_chunks::<32>() else { return };
            let hashes: Vec<Digest> = hashes.iter().map(|hash| Digest::new(*hash)).collect();
            let [old, new] = sizes.map(|size| GOLDEN.head(size));
            if verify_consistency(&old, &new, &hashes).is_ok() {
                let genuine = consistency_proof(GOLDEN.at(new.size).tree(), old.size, new.size);
                assert_eq!(genuine.ok(), Some(hashes), "another proof of the same");
            }
        }
    }
}

/// Tiles of an exported log.
pub mod tiles {
    use sequestre::escrow::log::tiles::{Tile, TileKind};

    use super::super::golden::GOLDEN;

    /// A path, a zero, and the content.
    pub fn seeds() -> Vec<Vec<u8>> {
        let size = GOLDEN.entries.len() as u64;
        let tree = GOLDEN.at(size).tree();
        let tile = |tile: Tile| {
            let content = match tile.kind() {
                TileKind::Entries => tile.encode_entries(&GOLDEN.entries).expect("entries fit"),
                TileKind::Hashes(_) => tile.read_hashes(tree).expect("they are there"),
            };
            [tile.to_string().as_bytes(), b"\0", &content].concat()
        };
        let paths = ["tile/entries/x001/x234/067.p/9", "tile/8/000", "tile/63/x999/999"];
        sequestre::escrow::log::tiles::tiles(size)
            .map(tile)
            .chain(paths.map(|path| path.as_bytes().to_vec()))
            .collect()
    }

    pub fn check(data: &[u8]) {
        let at = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
        let (path, content) = data.split_at(at);
        let Ok(path) = std::str::from_utf8(path) else { return };
        let Ok(tile) = path.parse::<Tile>() else { return };
        assert_eq!(tile.to_string(), path, "two names of one tile");
        let content = content.get(1..).unwrap_or_default();
        match tile.kind() {
            TileKind::Hashes(_) => {
                if let Ok(hashes) = tile.decode_hashes(content) {
                    assert_eq!(hashes.len(), usize::from(tile.width()));
                    assert_eq!(hashes.iter().flat_map(|hash| hash.to_vec()).collect::<Vec<u8>>(), content);
                }
            }
            TileKind::Entries => {
                if let Ok(entries) = tile.decode_entries(content) {
                    assert_eq!(tile.encode_entries(&entries).expect("they were in one"), content);
                }
            }
        }
    }
}

/// The files of a move.
pub mod moves {
    use prost::Message as _;
    use sequestre::escrow::act::Act;
    use sequestre::escrow::entry::{Entry, What};
    use sequestre::escrow::moving::{MovePlace, SignedMove};
    use sequestre::seal::moving::{move_file, place_file, read_move, read_place};

    use super::super::golden::{GOLDEN, key, public};

    fn moves() -> impl Iterator<Item = SignedMove> {
        GOLDEN.entries.iter().filter_map(|entry| match Entry::parse(entry).ok()?.what {
            What::Command(signed) => match &signed.command().act {
                Act::Move(moved) => Some((**moved).clone()),
                _ => None,
            },
            What::Act(_) => None,
        })
    }

    pub fn seeds() -> Vec<Vec<u8>> {
        let place = MovePlace {
            organisation: GOLDEN.id,
            log_key: public(&key("a new log")),
            server_key: public(&key("a new server")),
            address: "refuge.example.org:7443".to_owned(),
            prefix: GOLDEN.head(40),
        };
        let lines = ["For people".to_owned()];
        let files = moves().map(|moved| move_file(&moved, &lines)).chain([place_file(&place, &lines)]);
        files.map(String::into_bytes).chain(moves().map(|moved| moved.to_wire().encode_to_vec())).collect()
    }

    pub fn check(data: &[u8]) {
        let wire = sequestre::escrow::wire::decode_canonical(data).ok();
        let moved = wire.and_then(|wire| SignedMove::parse_draft(wire).ok());
        if let Some(moved) = &moved {
            assert_eq!(moved.to_wire().encode_to_vec(), data, "two spellings of one move");
        }
        let text = String::from_utf8_lossy(data);
        let read = read_move(&text).ok();
        if let Some(moved) = &read {
            let again = read_move(&move_file(moved, &[])).expect("what was written is read");
            assert_eq!(again.to_wire(), moved.to_wire());
        }
        if let Ok(place) = read_place(&text) {
            assert_eq!(read_place(&place_file(&place, &[])).expect("what was written is read"), place);
        }
        for moved in moved.iter().chain(&read) {
            for replay in &GOLDEN.replays {
                if replay.organisation().verify_move(moved).is_ok() {
                    let known = moves().any(|known| known.statement.bytes() == moved.statement.bytes());
                    assert!(known, "a move that nobody signed");
                }
            }
        }
    }
}
