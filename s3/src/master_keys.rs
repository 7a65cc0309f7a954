//! Master keys: what seals the secrets of replicated access keys, so that neither the Raft log nor a
//! drive nor a snapshot gives one away. They come from a file that lies apart from the data (ADR
//! 0012), which the node reads.
//!
//! AES-256-GCM with a random nonce; the access key and its user are bound as associated data, so that
//! a sealed secret moved to another key does not open. Nothing here that holds a key has a `Debug`.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use hamster_core::Entropy;
use hamster_core::limits::{MASTER_KEY_NAME_BYTES_MAX, MASTER_KEYS_MAX};
use hamster_meta::record::{AccessKey, SealedSecret};
use zeroize::Zeroizing;

/// The format of a sealed secret: its first byte. The nonce follows, then ciphertext and tag.
const FORMAT: u8 = 1;
const KEY_BYTES: usize = 32;
/// In place of the digits: this master key is gone for good.
const LOST: &str = "lost";

/// Why a file of master keys cannot be used. Never quotes it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MasterKeysError {
    /// A line is no master key.
    #[error("line {line} is neither NAME:64-hexadecimal-digits nor NAME:lost")]
    Malformed {
        /// Counted from 1.
        line: usize,
    },
    /// Two lines have one name.
    #[error("two master keys have the name {0:?}")]
    Twice(String),
    /// There is none.
    #[error("it holds no master key")]
    None,
    /// There are too many.
    #[error("it holds more than {MASTER_KEYS_MAX} master keys")]
    TooMany,
}

/// Why a sealed secret was not opened.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unopened {
    /// No master key has this name.
    #[error("the master key {0:?} is missing")]
    Missing(String),
    /// The master key of this name is another one, or what is sealed was changed.
    #[error("the master key {0:?} is not the one that sealed it")]
    Wrong(String),
    /// The file says that the master key of this name is lost.
    #[error("the master key {0:?} is lost")]
    Lost(String),
}

/// The master keys of a node; none where no file was named.
#[derive(Default)]
pub struct MasterKeys(Vec<(String, Option<LessSafeKey>)>);

impl MasterKeys {
    /// Of the lines of a file, `NAME:64-hexadecimal-digits` each: the first one seals, all open.
    /// `NAME:lost` stands for one that is gone: a node whose operator says so starts without it.
    ///
    /// # Errors
    /// See [`MasterKeysError`].
    pub fn parse(text: &str) -> Result<Self, MasterKeysError> {
        let mut keys: Vec<(String, Option<LessSafeKey>)> = Vec::new();
        for (line, content) in (1..).zip(text.lines()) {
            if content.trim().is_empty() {
                continue;
            }
            let malformed = || MasterKeysError::Malformed { line };
            let (name, digits) = content.trim().split_once(':').ok_or_else(malformed)?;
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
            if !(1..=MASTER_KEY_NAME_BYTES_MAX).contains(&name.len()) || !name.bytes().all(plain) {
                return Err(malformed());
            }
            let key = match digits {
                LOST => None,
                digits => Some(key_of(digits).ok_or_else(malformed)?),
            };
            if keys.iter().any(|(known, _)| known == name) {
                return Err(MasterKeysError::Twice(name.to_owned()));
            }
            if keys.len() == MASTER_KEYS_MAX {
                return Err(MasterKeysError::TooMany);
            }
            keys.push((name.to_owned(), key));
        }
        if keys.is_empty() {
            return Err(MasterKeysError::None);
        }
        Ok(Self(keys))
    }

    /// Seals the secret of `access_key` of the user with the canonical id `user`; `None` without a
    /// master key.
    ///
    /// # Panics
    /// If the cipher refuses a few bytes: never.
    pub fn seal(
        &self,
        entropy: &Entropy,
        access_key: &str,
        user: &str,
        secret: &str,
    ) -> Option<SealedSecret> {
        let (name, key) = self.0.iter().find_map(|(name, key)| Some((name, key.as_ref()?)))?;
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce);
        // Why with room: a vector that grows leaves its former bytes behind.
        let mut sealed = Vec::with_capacity(secret.len() + AES_256_GCM.tag_len());
        sealed.extend_from_slice(secret.as_bytes());
        let bound = Aad::from(bound(access_key, user));
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), bound, &mut sealed)
            .expect("a secret is far shorter than what AES-GCM seals");
        let bytes = [&[FORMAT], nonce.as_slice(), &sealed].concat();
        Some(SealedSecret { master_key: name.clone(), bytes })
    }

    /// Opens the secret of an access key.
    ///
    /// # Errors
    /// See [`Unopened`].
    pub fn open(&self, key: &AccessKey) -> Result<Zeroizing<String>, Unopened> {
        let name = &key.secret.master_key;
        let known = self.0.iter().find(|(known, _)| known == name);
        let (_, master) = known.ok_or_else(|| Unopened::Missing(name.clone()))?;
        let master = master.as_ref().ok_or_else(|| Unopened::Lost(name.clone()))?;
        let wrong = || Unopened::Wrong(name.clone());
        let sealed = key.secret.bytes.strip_prefix(&[FORMAT]).ok_or_else(wrong)?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>().ok_or_else(wrong)?;
        let mut clear = Zeroizing::new(sealed.to_vec());
        let bound = Aad::from(bound(&key.id, &key.user));
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let secret = master.open_in_place(nonce, bound, &mut clear).map_err(|_| wrong())?;
        let secret = std::str::from_utf8(secret).map_err(|_| wrong())?;
        Ok(Zeroizing::new(secret.to_owned()))
    }
}

fn key_of(digits: &str) -> Option<LessSafeKey> {
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    hex::decode_to_slice(digits, &mut *bytes).ok()?;
    Some(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &*bytes).ok()?))
}

/// What a sealed secret is bound to.
fn bound(access_key: &str, user: &str) -> Vec<u8> {
    // Neither holds a NUL: where the one ends and the other begins is plain.
    ["hamster access key", access_key, user].join("\0").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hamster_core::WallTime;

    fn line(name: &str, digit: char) -> String {
        format!("{name}:{}\n", String::from(digit).repeat(64))
    }

    fn keys(text: &str) -> MasterKeys {
        MasterKeys::parse(text).unwrap_or_else(|error| panic!("{error}"))
    }

    fn refused(text: &str) -> MasterKeysError {
        MasterKeys::parse(text).err().expect("refused")
    }

    fn sealed_by(keys: &MasterKeys) -> AccessKey {
        let (id, user) = ("HMSTAAAAAAAAAAAAAAAA".to_owned(), "ab".repeat(32));
        let secret = keys.seal(&Entropy::seeded(1), &id, &user, "hush-hush").expect("a key");
        AccessKey { id, user, secret, created: WallTime::default() }
    }

    #[test]
    fn what_one_file_sealed_the_same_one_opens() {
        let sealed = sealed_by(&keys(&line("k1", 'a')));
        assert_eq!(sealed.secret.master_key, "k1");
        let clear = b"hush-hush";
        assert!(!sealed.secret.bytes.windows(clear.len()).any(|bytes| bytes == clear));
        let opened = keys(&line("k1", 'a')).open(&sealed).expect("opened");
        assert_eq!(*opened, "hush-hush");
    }

    #[test]
    fn the_first_key_seals_and_the_others_open() {
        let old = sealed_by(&keys(&line("k1", 'a')));
        let rotated = keys(&format!("{}\n{}", line("k2", 'b'), line("k1", 'a')));
        assert_eq!(*rotated.open(&old).expect("opened"), "hush-hush");
        assert_eq!(sealed_by(&rotated).secret.master_key, "k2");
    }

    #[test]
    fn a_lost_key_neither_seals_nor_opens() {
        let old = sealed_by(&keys(&line("k1", 'a')));
        let only = keys("k1:lost");
        assert!(only.seal(&Entropy::seeded(1), "a", "b", "c").is_none());
        assert_eq!(only.open(&old).err(), Some(Unopened::Lost("k1".into())));
        let next = keys(&format!("k1:lost\n{}", line("k2", 'b')));
        assert_eq!(sealed_by(&next).secret.master_key, "k2");
    }

    #[test]
    fn what_is_sealed_is_bound_to_its_key_and_user_and_to_every_bit() {
        let keys_now = keys(&line("k1", 'a'));
        let good = sealed_by(&keys_now);
        let wrong = Err(Unopened::Wrong("k1".into()));
        let opened = |key: &AccessKey| keys_now.open(key).map(|secret| secret.to_string());
        assert_eq!(opened(&AccessKey { id: "HMSTB".into(), ..good.clone() }), wrong);
        assert_eq!(opened(&AccessKey { user: "cd".repeat(32), ..good.clone() }), wrong);
        for at in 0..good.secret.bytes.len() {
            let mut bad = good.clone();
            bad.secret.bytes[at] ^= 1;
            assert_eq!(opened(&bad), wrong, "byte {at}");
            bad.secret.bytes.truncate(at);
            assert_eq!(opened(&bad), wrong, "cut at {at}");
        }
        let other = keys(&line("k1", 'b')).open(&good).map(|secret| secret.to_string());
        assert_eq!(other, wrong);
        let missing = Err(Unopened::Missing("k1".into()));
        assert_eq!(keys(&line("k2", 'a')).open(&good).map(|secret| secret.to_string()), missing);
        assert!(MasterKeys::default().open(&good).is_err());
        assert!(MasterKeys::default().seal(&Entropy::seeded(1), "a", "b", "c").is_none());
    }

    #[test]
    fn a_file_that_cannot_be_meant_is_refused_and_never_quoted() {
        assert_eq!(refused(" \n"), MasterKeysError::None);
        let twice = line("k1", 'a') + &line("k1", 'b');
        assert_eq!(refused(&twice), MasterKeysError::Twice("k1".into()));
        let many: String = (0..=MASTER_KEYS_MAX).map(|n| line(&format!("k{n}"), 'a')).collect();
        assert_eq!(refused(&many), MasterKeysError::TooMany);
        let digits = "5ec3e75ec3e7".to_owned();
        for bad in [
            digits.clone(),
            format!("k1:{digits}"),
            format!(":{}", "a".repeat(64)),
            format!("k 1:{}", "a".repeat(64)),
        ] {
            let error = refused(&format!("{}\n{bad}\n", line("k0", 'a')));
            assert_eq!(error, MasterKeysError::Malformed { line: 3 });
            assert!(!error.to_string().contains("5ec3e7"));
        }
    }
}
