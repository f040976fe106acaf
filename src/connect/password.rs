//! Random passwords by an account's own rules: length, alphabet, forbidden characters.
//!
//! Every allowed character is equally likely at every place. This module must never accept rules under which a
//! password could be guessed.

use ring::rand::{SecureRandom, SystemRandom};
use serde::Deserialize;
use zeroize::Zeroize;

use crate::seal::secret::{NoRandomness, Secret, SecretWriter};

/// Fewer bits than this are refused.
const LEAST_BITS: f64 = 64.0;
/// Longest password, in characters.
const LONGEST: usize = 128;

/// Rules that leave room for a good password.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Described")]
pub struct Rules {
    length: usize,
    /// Distinct, sorted, without the forbidden ones; 2 to 256.
    allowed: Vec<char>,
}

/// Why rules are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRules {
    /// Characters that cannot be typed everywhere.
    #[error("'{0}' in the password's alphabet is not a visible ASCII character; leave it out")]
    Alphabet(char),
    /// Too long.
    #[error("passwords of {0} characters are longer than the {LONGEST} that are allowed; choose fewer")]
    TooLong(usize),
    /// Too few possibilities.
    #[error("passwords of {length} characters out of {alphabet} could be guessed; allow more of either")]
    Guessable {
        /// Characters in a password.
        length: usize,
        /// Characters to choose from.
        alphabet: usize,
    },
}

/// As settings have them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Described {
    length: usize,
    alphabet: String,
    forbidden: String,
}

impl Default for Described {
    fn default() -> Self {
        let alphabet = ('a'..='z').chain('A'..='Z').chain('0'..='9').collect();
        Self { length: 32, alphabet, forbidden: String::new() }
    }
}

impl TryFrom<Described> for Rules {
    type Error = BadRules;

    fn try_from(described: Described) -> Result<Self, BadRules> {
        Self::new(described.length, &described.alphabet, &described.forbidden)
    }
}

impl Default for Rules {
    /// 32 letters and digits: 190 bits.
    fn default() -> Self {
        let Described { length, alphabet, .. } = Described::default();
        Self::of(length, &alphabet, "")
    }
}

impl Rules {
    /// `length` characters, each one of `alphabet` and none of `forbidden`.
    pub fn new(length: usize, alphabet: &str, forbidden: &str) -> Result<Self, BadRules> {
        if let Some(other) = alphabet.chars().find(|c| !c.is_ascii_graphic()) {
            return Err(BadRules::Alphabet(other));
        }
        let rules = Self::of(length, alphabet, forbidden);
        if length > LONGEST {
            return Err(BadRules::TooLong(length));
        }
        // No more than 94 characters and 128 places: both are exact in a float.
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let bits = (rules.allowed.len() as f64).log2() * length as f64;
        if rules.allowed.len() < 2 || bits < LEAST_BITS {
            return Err(BadRules::Guessable { length, alphabet: rules.allowed.len() });
        }
        Ok(rules)
    }

    fn of(length: usize, alphabet: &str, forbidden: &str) -> Self {
        let mut allowed: Vec<char> = alphabet.chars().filter(|c| !forbidden.contains(*c)).collect();
        allowed.sort_unstable();
        allowed.dedup();
        Self { length, allowed }
    }
}

/// A fresh password by the rules.
pub fn generate(rules: &Rules) -> Result<Secret, NoRandomness> {
    let random = SystemRandom::new();
    let mut password = SecretWriter::with_capacity(rules.length);
    let mut bytes = [0; 64];
    let mut places = 0;
    // Bytes beyond the last whole multiple of the alphabet are thrown away: else its beginning would be likelier.
    let size = rules.allowed.len();
    let fair = 256 / size * size;
    while places < rules.length {
        random.fill(&mut bytes).map_err(|_| NoRandomness)?;
        let usable = bytes.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < fair);
        for c in usable.filter_map(|byte| rules.allowed.get(byte % size)).take(rules.length - places) {
            password.push_char(*c);
            places += 1;
        }
    }
    bytes.zeroize();
    Ok(password.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_hold_to_the_rules_and_every_character_is_equally_likely() {
        let rules = Rules::new(60, "abcdeXX", "e").unwrap();
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..1000 {
            let password = generate(&rules).unwrap();
            assert_eq!(password.len(), 60);
            for byte in password.expose() {
                *counts.entry(char::from(*byte)).or_insert(0u32) += 1;
            }
        }
        assert_eq!(counts.keys().collect::<String>(), "Xabcd");
        // 12,000 expected each, standard deviation 98: six of them are never seen by chance.
        assert!(counts.values().all(|count| count.abs_diff(12_000) < 590), "{counts:?}");
        assert!(!generate(&rules).unwrap().matches(&generate(&rules).unwrap()));
    }

    #[test]
    fn rules_that_could_be_guessed_are_refused() {
        let guessable = |length, alphabet| Err(BadRules::Guessable { length, alphabet });
        assert_eq!(Rules::new(0, "abc", ""), guessable(0, 3));
        assert_eq!(Rules::new(128, "a", ""), guessable(128, 1));
        assert_eq!(Rules::new(128, "abc", "abc"), guessable(128, 0));
        assert_eq!(Rules::new(63, "ab", ""), guessable(63, 2));
        assert!(Rules::new(64, "ab", "").is_ok());
        assert_eq!(Rules::new(129, "abc", ""), Err(BadRules::TooLong(129)));
        assert_eq!(Rules::new(32, "abc é", ""), Err(BadRules::Alphabet(' ')));
        assert_eq!(serde_json::from_str::<Rules>("{}").unwrap(), Rules::default());
        assert_eq!(Rules::default().allowed.len(), 62);
        assert!(serde_json::from_str::<Rules>(r#"{"length":4}"#).is_err());
        assert!(serde_json::from_str::<Rules>(r#"{"lenght":40}"#).is_err());
    }
}
