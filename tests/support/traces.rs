//! Searching bytes for secrets, as they are and as people and programs write them down.
#![allow(dead_code, reason = "each test crate uses a part of it")]

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};

/// A secret as it may be written down: raw, hexadecimal, base64 (wherever it begins within three bytes), a list of
/// numbers, and quoted.
pub fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![secret.to_vec(), hex::encode(secret).into(), hex::encode_upper(secret).into()];
    let numbers: Vec<String> = secret.iter().map(u8::to_string).collect();
    forms.extend([numbers.join(", ").into(), numbers.join(",").into(), secret.escape_ascii().collect()]);
    for shift in 0..3 {
        let shifted = [&vec![0; shift], secret].concat();
        for engine in [BASE64_STANDARD, BASE64_URL_SAFE] {
            let text = engine.encode(&shifted);
            // Digits that also depend on what stands before or after are left out.
            let (begin, whole) = ((shift * 8).div_ceil(6), shifted.len() * 8 / 6);
            forms.push(text[begin..whole].into());
        }
    }
    forms
}

pub fn contains(content: &[u8], wanted: &[u8]) -> bool {
    Search::new([("", vec![wanted.to_vec()])]).first_in(content).is_some()
}

/// Many things searched for in one pass: their number hardly matters, the amount that is searched does.
pub struct Search {
    what: Vec<(String, Vec<u8>)>,
    /// By their first two bytes.
    begins: Vec<Vec<u16>>,
}

impl Search {
    pub fn new(wanted: impl IntoIterator<Item = (impl ToString, Vec<Vec<u8>>)>) -> Self {
        let mut search = Self { what: Vec::new(), begins: vec![Vec::new(); 1 << 16] };
        for (what, forms) in wanted {
            for form in forms {
                let begin = usize::from(u16::from_be_bytes([form[0], form[1]]));
                let number = u16::try_from(search.what.len()).unwrap();
                search.begins[begin].push(number);
                search.what.push((what.to_string(), form));
            }
        }
        search
    }

    /// In all the forms that [`forms`] gives.
    pub fn in_all_forms(wanted: &[(String, Vec<u8>)]) -> Self {
        Self::new(wanted.iter().map(|(what, secret)| (what, forms(secret))))
    }

    /// What is found first.
    pub fn first_in(&self, content: &[u8]) -> Option<&str> {
        content.windows(2).enumerate().find_map(|(at, pair)| {
            let begin = &self.begins[usize::from(u16::from_be_bytes([pair[0], pair[1]]))];
            let hit = begin.iter().map(|number| &self.what[usize::from(*number)]);
            hit.into_iter().find(|(_, form)| content[at..].starts_with(form)).map(|(what, _)| what.as_str())
        })
    }
}

pub fn search_files(folder: &Path, each: &mut impl FnMut(&Path, &[u8])) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search_files(&path, each);
        } else {
            each(&path, &fs::read(&path).unwrap());
        }
    }
}
